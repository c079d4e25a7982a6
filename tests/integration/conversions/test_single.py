from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.conversions.reports import upload_status
from include.conversions.resume import send_prepared
from include.conversions.sending.delivery import Delivery
from include.conversions.single import SingleOutcome, prepare_single, read_single
from include.days import utc_now, zone_of
from include.errors import InputError
from tests.conversion_days import SETTLE_SECONDS, ZONE, ScoredDay
from tests.integration.conversions.test_tracking import follow

CLIENT = {"client_id": "175085690441127503"}


class TestReadSingle:
    @pytest.mark.parametrize(
        ("changes", "code", "pointer"),
        [
            ({"identifiers": {}}, "no_identifier", "/client_id"),
            ({"identifiers": {"client_id": "1", "user_id": "2"}}, "several_identifiers", "/user_id"),
            ({"date_time": "2999-01-01 00:00:00"}, "bad_time", "/date_time"),
            ({"date_time": "2099-01-01 00:00:00"}, "future_time", "/date_time"),
            ({"date_time": "yesterday"}, "bad_time", "/date_time"),
            ({"price": -1}, "bad_price", "/price"),
            ({"currency": "RUR"}, "bad_currency", "/currency"),
            ({"target": ""}, "bad_target", "/target"),
        ],
    )
    def test_should_say_what_is_wrong_when_it_cannot_be_sent(
        self, changes: dict[str, Any], code: str, pointer: str
    ) -> None:
        given: dict[str, Any] = {"target": "4plus", "date_time": "2025-06-28T12:00:00", "identifiers": CLIENT}
        with pytest.raises(InputError) as caught:
            read_single(1, zone_of(ZONE), **{**given, **changes})
        assert (caught.value.code, caught.value.pointer) == (code, pointer)


class TestPrepareSingle:
    def test_should_send_one_row_with_its_money_when_new(self, scored: ScoredDay) -> None:
        outcome = prepare(scored, price=1500.5, currency="RUB")
        send(scored, outcome)
        rows = [row for upload in scored.sandbox.uploads(scored.counter_id) for row in upload["rows"]]
        epoch = dt.datetime.combine(scored.day, dt.time(12), zone_of(ZONE)).timestamp()
        assert rows == [
            {
                "ClientId": CLIENT["client_id"],
                "Target": "4plus",
                "DateTime": str(int(epoch)),
                "Price": "1500.50",
                "Currency": "RUB",
            }
        ]

    @pytest.mark.parametrize(
        ("field", "column"), [("user_id", "UserId"), ("yclid", "Yclid"), ("purchase_id", "PurchaseId")]
    )
    def test_should_use_the_column_of_the_kind_when_it_is_another(
        self, scored: ScoredDay, field: str, column: str
    ) -> None:
        send(scored, prepare(scored, identifiers={field: "17"}))
        assert [row[column] for upload in scored.sandbox.uploads(scored.counter_id) for row in upload["rows"]] == ["17"]

    def test_should_give_the_earlier_upload_when_the_same_row_was_sent(self, scored: ScoredDay) -> None:
        first = prepare(scored, price=5)
        send(scored, first)
        again = prepare(scored, price="5.00")
        assert again == SingleOutcome(first.upload_id, False, ())

    def test_should_give_the_days_upload_when_a_visit_sent_the_same_row(self, scored: ScoredDay) -> None:
        upload = scored.upload().uploads[0]
        visit = scored.visits[0]
        moment = dt.datetime.fromtimestamp(visit.epoch, dt.UTC).isoformat()
        again = prepare(scored, date_time=moment, identifiers={"client_id": str(visit.client_id)})
        assert again == SingleOutcome(upload.upload_id, False, ())

    def test_should_hold_the_visit_when_a_single_conversion_took_its_moment(self, scored: ScoredDay) -> None:
        visit = scored.visits[0]
        moment = dt.datetime.fromtimestamp(visit.epoch, dt.UTC).isoformat()
        send(scored, prepare(scored, date_time=moment, identifiers={"client_id": str(visit.client_id)}))
        report = scored.upload()
        assert (report.sent, report.held_reasons, scored.accepted()) == (4, {"same_moment": 1}, scored.expected())

    def test_should_conflict_when_only_the_price_differs(self, scored: ScoredDay) -> None:
        send(scored, prepare(scored, price=5))
        with pytest.raises(InputError) as caught:
            prepare(scored, price=6)
        assert caught.value.code == "already_sent"

    def test_should_send_again_when_resend_is_given(self, scored: ScoredDay) -> None:
        send(scored, prepare(scored, price=5))
        send(scored, prepare(scored, price=6, resend=True))
        prices = [row["Price"] for upload in scored.sandbox.uploads(scored.counter_id) for row in upload["rows"]]
        assert prices == ["5.00", "6.00"]

    def test_should_conflict_when_the_earlier_row_is_still_being_sent(self, scored: ScoredDay) -> None:
        prepare(scored, price=5)
        with pytest.raises(InputError) as caught:
            prepare(scored, price=6, resend=True)
        assert caught.value.code == "still_sending"

    def test_should_warn_when_it_is_outside_the_window(self, scored: ScoredDay) -> None:
        long_ago = (utc_now() - dt.timedelta(days=30)).isoformat(timespec="seconds")
        assert prepare(scored, date_time=long_ago).warnings == ("outside_match_window",)

    def test_should_try_again_in_a_new_upload_when_the_goal_was_missing(self, scored: ScoredDay) -> None:
        first = prepare(scored, target="missing")
        with pytest.raises(InputError):
            send(scored, first)
        assert prepare(scored, target="missing").is_new

    def test_should_show_its_status_when_processed(self, scored: ScoredDay) -> None:
        visit = scored.visits[0]
        moment = dt.datetime.fromtimestamp(visit.epoch + 60, dt.UTC).isoformat()
        outcome = prepare(scored, date_time=moment, identifiers={"client_id": str(visit.client_id)})
        send(scored, outcome)
        follow(scored)
        with scored.state.connect() as connection:
            status = upload_status(connection, outcome.upload_id)
        assert status is not None
        assert (status.status, status.processed, status.total, status.held) == ("processed", 1, 1, 0)


class TestSendPrepared:
    def test_should_send_nothing_when_it_was_sent(self, scored: ScoredDay) -> None:
        outcome = prepare(scored)
        send(scored, outcome)
        assert send(scored, outcome) == Delivery((), None)

    def test_should_say_so_when_there_is_no_such_upload(self, scored: ScoredDay) -> None:
        with pytest.raises(InputError, match="There is no upload"):
            send(scored, SingleOutcome("6bb7a6f8-8a5c-4e0e-8cf1-b3a1d34effff", True, ()))


def prepare(scored: ScoredDay, *, resend: bool = False, **changes: Any) -> SingleOutcome:
    given: dict[str, Any] = {"target": "4plus", "date_time": f"{scored.day} 12:00:00", "identifiers": CLIENT}
    conversion = read_single(scored.counter_id, zone_of(ZONE), **{**given, **changes})
    return prepare_single(scored.state, conversion, run_id="test", resend=resend)


def send(scored: ScoredDay, outcome: SingleOutcome) -> Delivery:
    return send_prepared(
        scored.state,
        scored.api,
        upload_id=outcome.upload_id,
        settings=scored.settings,
        run_id="test",
        settle_seconds=SETTLE_SECONDS,
    )
