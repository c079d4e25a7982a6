"""GET /conversions/passport over a day that was loaded, scored, uploaded and tracked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from include.api.passport_shapes import EXAMPLE, PassportView
from include.days import utc_now
from include.services.engines.endpoints import Endpoints
from include.visits.deciding.decision import BELOW_THRESHOLD, MODEL
from tests.api_client import VIEWER, Api, InMemoryOrchestrator
from tests.passport_days import COUNTER, SentDay, sent_day


@pytest.fixture(scope="module")
def day(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SentDay]:
    with sent_day(endpoints, tmp_path_factory.mktemp("passport"), visits_per_day=300) as found:
        yield found


@pytest.fixture
def api(day: SentDay) -> Iterator[Api]:
    found = Api(InMemoryOrchestrator(), day.commands.environ)
    yield found
    found.close()


def ask(api: Api, **query: Any) -> Any:
    return api.get("/conversions/passport", params=query)


@pytest.fixture
def by_visit(api: Api, day: SentDay) -> dict[str, Any]:
    return dict(ask(api, visit_id=day.visit_decided(MODEL)).json())


class TestPassport:
    def test_should_show_the_same_as_the_command(self, api: Api, day: SentDay) -> None:
        visit_id = day.visit_decided(MODEL)
        assert ask(api, visit_id=visit_id).json() == day.passport("--visit", visit_id)

    def test_should_find_the_row_of_an_upload(self, api: Api, by_visit: dict[str, Any]) -> None:
        batch = by_visit["batch"]
        for name in ("upload_id", "metrika_upload_id"):
            assert ask(api, upload_id=batch[name], row=batch["line"]).json() == by_visit

    @pytest.mark.parametrize("form", ["{0}", "{1}", "{2}"])
    def test_should_find_a_conversion_by_client_and_time(self, api: Api, by_visit: dict[str, Any], form: str) -> None:
        row = by_visit["row"]
        local = row["date_time"][:19]
        instant = dt.datetime.fromisoformat(row["date_time"]).astimezone(dt.UTC).isoformat()
        moment = form.format(local, local.replace("T", " "), instant)
        named = f"client_id={row['identifier']}&counter={COUNTER}&target=4plus&date_time={quote(moment, safe='+')}"
        assert api.get(f"/conversions/passport?{named}").json() == by_visit  # "+" arrives as a space

    def test_should_derive_again_when_asked(self, api: Api, day: SentDay) -> None:
        found = ask(api, visit_id=day.visit_decided(MODEL), verify="true").json()
        assert (found["verified"], found["mismatches"]) == (True, [])

    def test_should_answer_200_with_what_differs_when_something_was_changed(self, api: Api, day: SentDay) -> None:
        visit_id = day.visit_decided(MODEL, 2)
        change = ("visit_features", "page_views = page_views + 1", "page_views = page_views - 1")
        with day.mutated(*change, "visit_id = %(visit)s", visit=visit_id):
            answer = ask(api, visit_id=visit_id, verify="true")
        assert (answer.status_code, answer.json()["verified"]) == (200, False)
        assert [one["field"] for one in answer.json()["mismatches"]] == ["features.page_views"]

    def test_should_say_why_not_when_a_visit_was_never_sent(self, api: Api, day: SentDay) -> None:
        found = ask(api, visit_id=day.visit_decided(BELOW_THRESHOLD)).json()
        assert (found["row"], found["decision"]["reason"]) == (None, BELOW_THRESHOLD)

    def test_should_have_no_visit_when_the_conversion_was_a_single_one(self, api: Api, day: SentDay) -> None:
        moment = (utc_now() - dt.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%S")
        body = {"client_id": str(2**63 + 9), "target": "buy,now", "date_time": moment, "counter": COUNTER, "price": 9.5}
        upload_id = api.post("/conversions/single", json=body).json()["upload_id"]
        found = ask(api, upload_id=upload_id, row=1, verify="true").json()
        assert [found[name] for name in ("visit", "hits", "features", "model")] == [None] * 4
        assert found["row"]["csv"].startswith(f'{2**63 + 9},"buy,now",')
        assert found["row"]["csv"].endswith(",9.50,")
        assert (found["row"]["price"], found["decision"]["reason"], found["verified"]) == (9.5, "single", True)
        named = {name: body[name] for name in ("client_id", "target", "date_time", "counter")}
        assert ask(api, **named).json()["row"] == found["row"]

    def test_should_be_open_to_every_airflow_user(self, api: Api, day: SentDay) -> None:
        answer = api.get("/conversions/passport", token=VIEWER, params={"visit_id": day.visit_decided(MODEL)})
        assert answer.status_code == 200

    def test_should_keep_uploads_reachable_beside_it(self, api: Api, by_visit: dict[str, Any]) -> None:
        assert api.get(f"/conversions/{by_visit['batch']['upload_id']}/status").json()["status"] == "processed"

    def test_should_show_no_token(self, api: Api, day: SentDay, by_visit: dict[str, Any]) -> None:
        assert day.commands.environ["METRIKA_TOKEN"] not in str(by_visit)

    def test_should_be_shown_in_the_document_as_it_is(self, by_visit: dict[str, Any]) -> None:
        PassportView.model_validate(EXAMPLE)
        assert set(EXAMPLE) == set(by_visit)
        for name in ("row", "visit", "features", "model", "rule", "decision", "batch", "metrika", "runs", "times"):
            assert set(EXAMPLE[name]) == set(by_visit[name]), name


class TestRefusals:
    @pytest.mark.parametrize(
        ("query", "code", "pointer"),
        [
            ({}, "parameter_missing", "/visit_id"),
            ({"upload_id": "7001"}, "parameter_missing", "/row"),
            ({"row": 1}, "parameter_missing", "/upload_id"),
            ({"counter": 101, "target": "4plus", "client_id": "5"}, "parameter_missing", "/date_time"),
            ({"counter": 101, "client_id": "5", "date_time": "2025-07-01 12:00"}, "parameter_missing", "/target"),
            ({"target": "t", "client_id": "5", "date_time": "2025-07-01 12:00"}, "parameter_missing", "/counter"),
            ({"visit_id": "5", "upload_id": "7001", "row": 1}, "conflicting_input", "/upload_id"),
            (
                {"upload_id": "7001", "row": 1, "client_id": "5", "counter": 1, "target": "t", "date_time": "x"},
                "conflicting_input",
                "/client_id",
            ),
            ({"upload_id": "abc", "row": 1}, "bad_identifier", "/upload_id"),
            ({"upload_id": "7001", "row": 0}, "greater_than_equal", "/row"),
            ({"upload_id": "7001", "row": "first"}, "int_parsing", "/row"),
            ({"visit_id": "0x5"}, "bad_identifier", "/visit_id"),
            ({"visit_id": "5", "target": "a\0b"}, "bad_target", "/target"),
            ({"visit_id": "5", "date": "today"}, "bad_date", "/date"),
            ({"visit_id": "5", "date": "0001-01-01"}, "bad_date", "/date"),
            ({"visit_id": "5", "date": "9999-12-31"}, "bad_date", "/date"),
            ({"visit_id": "5", "verify": "perhaps"}, "bool_parsing", "/verify"),
            ({"visit_id": "5", "mood": "good"}, "unknown_parameter", "/mood"),
            (
                {"counter": 101, "target": "4plus", "client_id": "5", "date_time": "noon"},
                "bad_time",
                "/date_time",
            ),
        ],
    )
    def test_should_answer_422_and_name_the_parameter_when_the_question_is_wrong(
        self, api: Api, query: dict[str, Any], code: str, pointer: str
    ) -> None:
        answer = ask(api, **query)
        fault = answer.json()["errors"][0]
        assert (answer.status_code, fault["code"], fault["pointer"]) == (422, code, pointer)
        assert answer.json()["detail"][0]["loc"][0] == "query"

    @pytest.mark.parametrize(
        "query",
        [
            {"visit_id": "5"},
            {"visit_id": "5", "date": "2100-12-31"},
            {"visit_id": str(2**64 - 1), "verify": "true"},
            {"upload_id": "7001", "row": 99_999},
            {"upload_id": "0edc2b0e-e257-4980-b4a8-e821ec7a7aac", "row": 1},
            {"counter": 999, "target": "4plus", "client_id": "5", "date_time": "2025-07-01 12:00:00"},
        ],
    )
    def test_should_answer_404_when_nothing_matches(self, api: Api, query: dict[str, Any]) -> None:
        answer = ask(api, **query)
        assert (answer.status_code, answer.json()["code"]) == (404, "conversion_unknown")
        assert answer.json()["detail"] == "Conversion not found"

    def test_should_answer_422_and_say_what_to_add_when_several_match(self, api: Api, day: SentDay) -> None:
        visit_id = day.visit_decided(MODEL, 1)
        copy = (
            "INSERT INTO conversions SELECT gen_random_uuid(), counter_id, 'second', identifier_kind, identifier, "
            "event_at, visit_id, day, sent_epoch_seconds, price, currency, 'held', 'refused', NULL, NULL, "
            "is_withdrawn, decided_at FROM conversions WHERE visit_id = :visit"
        )
        with day.changed(copy, "DELETE FROM conversions WHERE target = 'second' AND visit_id = :visit", visit=visit_id):
            answer = ask(api, visit_id=visit_id)
            chosen = ask(api, visit_id=visit_id, target="second").json()
        fault = answer.json()["errors"][0]
        assert (answer.status_code, fault["code"], fault["pointer"]) == (422, "several_matches", "/target")
        assert (chosen["row"]["target"], chosen["decision"]["outcome"]) == ("second", "held")

    def test_should_answer_404_when_nothing_was_ever_loaded(self, endpoints: Endpoints) -> None:
        from tests.loading import own_stores

        with own_stores(endpoints) as environ:
            fresh = Api(InMemoryOrchestrator(), environ)
            assert ask(fresh, visit_id="5", verify="true").status_code == 404
            fresh.close()


def test_should_leave_nothing_behind(day: SentDay) -> None:
    with day.state.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM conversions WHERE target = 'second'")).scalar() == 0
