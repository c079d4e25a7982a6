from __future__ import annotations

import datetime as dt
import re
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, select

from include.api.orchestrator import FAILED, RUNNING, SUCCESS, FollowUp, SourceConnection
from include.secret import Secret
from include.state.api_tasks import forget_token
from include.state.counters import Counter, write_counter
from include.state.tables import api_tasks
from tests.api_client import VIEWER, Api, InMemoryOrchestrator
from tests.conversion_days import ScoredDay

DAY = {"date": "2025-07-01", "counter": 301}
RUN_ID = re.compile(r"api__visits__\d{8}T\d{6}Z__[0-9a-f]{8}")


def created(api: Api, **changes: object) -> str:
    answer = api.post("/tasks", json={**DAY, **changes})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["task_id"])


class TestCreate:
    def test_should_start_the_load_when_a_day_is_asked_for(self, api: Api) -> None:
        answer = api.post("/tasks", json={**DAY, "date": "2025-06-01"})
        order = api.orchestrator.orders[-1]
        assert answer.status_code == 202
        assert RUN_ID.fullmatch(answer.json()["task_id"])
        assert answer.headers["location"] == f"/counterflow/tasks/{order.run_id}/status"
        assert (order.dag_id, order.partition_key, order.asked_by) == ("metrika_logs", "2025-06-01", "erin")
        assert order.conf == {
            "date": "2025-06-01", "counters": [301], "refresh": False, "task_id": order.run_id,
        }  # fmt: skip

    def test_should_link_to_the_public_address_when_one_is_configured(
        self, orchestrator: InMemoryOrchestrator, api_environ: dict[str, str]
    ) -> None:
        api = Api(orchestrator, {**api_environ, "COUNTERFLOW_PUBLIC_URL": "https://flow.example"})
        answer = api.post("/tasks", json={**DAY, "date": "2025-05-29"}, headers={"Host": "evil.test"})
        api.close()
        assert answer.headers["location"].startswith("https://flow.example/counterflow/tasks/api__visits__")

    def test_should_only_score_when_reload_is_false(self, api: Api) -> None:
        created(api, reload=False, date="2025-06-02")
        order = api.orchestrator.orders[-1]
        assert (order.dag_id, order.partition_key) == ("visit_scoring", None)

    def test_should_give_the_open_job_back_when_asked_again(self, api: Api) -> None:
        first = created(api, date="2025-06-03")
        again = api.post("/tasks", json={**DAY, "date": "2025-06-03"})
        assert (again.status_code, again.json()) == (200, {"task_id": first})
        assert len(api.orchestrator.orders) == 1

    def test_should_give_the_job_back_when_its_load_has_ended_and_scoring_has_not(
        self, api: Api, state: Engine
    ) -> None:
        first = created(api, date="2025-05-28")
        api.orchestrator.move("metrika_logs", first, SUCCESS, step_count=5, finished_count=5)
        api.orchestrator.follow_ups[first] = FollowUp(True)
        forget_token(state, first)  # as the last step of the load does
        again = api.post("/tasks", json={**DAY, "date": "2025-05-28"})
        assert (again.status_code, again.json()) == (200, {"task_id": first})

    def test_should_start_anew_when_the_equal_job_has_ended(self, api: Api) -> None:
        first = created(api, date="2025-06-04")
        api.orchestrator.fail("metrika_logs", first, "broken")
        assert created(api, date="2025-06-04") != first

    def test_should_use_the_configured_counter_when_none_is_given(self, api: Api) -> None:
        answer = api.post("/tasks", json={"date": "2025-06-05"})
        assert answer.status_code == 202
        assert api.orchestrator.orders[-1].conf["counters"] == [301]

    @pytest.mark.parametrize("missing", ["token", "counter"])
    def test_should_answer_400_when_a_parameter_is_given_nowhere(
        self, missing: str, orchestrator: InMemoryOrchestrator, api_environ: dict[str, str]
    ) -> None:
        environ = {name: value for name, value in api_environ.items() if name != f"METRIKA_{missing.upper()}"}
        api = Api(orchestrator, environ)
        answer = api.post("/tasks", json={"date": "2025-07-01"})
        api.close()
        assert answer.status_code == 400
        assert answer.json()["detail"] == f"{missing} is required (in body or env)"

    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"date": "01.07.2025"}, "bad_date"),
            ({"date": "2025-02-30"}, "bad_date"),
            ({"date": 20250701}, "string_type"),
            ({"date": "2099-01-01"}, "date_not_closed"),
            ({"counter": 0}, "greater_than"),
            ({"counter": -5}, "greater_than"),
            ({"counter": "301"}, "int_type"),
            ({"counter": 2**63}, "out_of_range"),
            ({"reload": "yes"}, "bool_type"),
            ({"speed": 1}, "unknown_field"),
            ({"connection_id": "nowhere"}, "connection_unknown"),
            ({"token": "with space"}, "bad_token"),
        ],
    )
    def test_should_answer_422_with_a_list_when_a_value_is_wrong(
        self, api: Api, change: dict[str, object], code: str
    ) -> None:
        answer = api.post("/tasks", json={**DAY, **change})
        body = answer.json()
        assert (answer.status_code, [fault["type"] for fault in body["detail"]]) == (422, [code])
        assert body["errors"][0]["pointer"] == f"/{next(iter(change))}"
        assert api.orchestrator.orders == []

    def test_should_refuse_today_when_it_is_not_over_in_the_counters_zone(self, api: Api) -> None:
        zone = dt.timezone(dt.timedelta(hours=3))
        answer = api.post("/tasks", json={**DAY, "date": dt.datetime.now(zone).date().isoformat()})
        assert answer.json()["detail"][0]["type"] == "date_not_closed"

    def test_should_refuse_a_body_token_when_they_are_not_accepted(
        self, orchestrator: InMemoryOrchestrator, api_environ: dict[str, str]
    ) -> None:
        api = Api(orchestrator, {**api_environ, "COUNTERFLOW_ACCEPT_BODY_TOKEN": "false"})
        answer = api.post("/tasks", json={**DAY, "token": "t0ken"})
        api.close()
        assert (answer.status_code, answer.json()["code"]) == (422, "token_not_accepted")

    def test_should_refuse_a_body_token_when_there_is_no_key_to_encrypt_it(self, api: Api) -> None:
        api.orchestrator.has_key = False
        answer = api.post("/tasks", json={**DAY, "date": "2025-05-30", "token": "t0ken"})
        assert (answer.status_code, answer.json()["code"]) == (422, "token_not_accepted")

    def test_should_hand_the_token_of_a_connection_to_the_run_when_one_is_named(self, api: Api, state: Engine) -> None:
        api.orchestrator.connections["second"] = SourceConnection(Secret("conn-token"), (302,))
        answer = api.post("/tasks", json={"date": "2025-06-06", "connection_id": "second"})
        with state.connect() as connection:
            query = select(api_tasks.c.encrypted_token).where(api_tasks.c.task_id == answer.json()["task_id"])
            stored = bytes(connection.execute(query).scalar_one())
        assert api.orchestrator.fernet.decrypt(stored) == b"conn-token"
        assert api.orchestrator.orders[-1].conf["counters"] == [302]

    def test_should_answer_503_when_the_scheduler_is_dead(self, api: Api, state: Engine) -> None:
        api.orchestrator.is_alive = False
        answer = api.post("/tasks", json={**DAY, "date": "2025-06-07"})
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        api.orchestrator.is_alive = True
        assert api.post("/tasks", json={**DAY, "date": "2025-06-07"}).status_code == 202

    def test_should_leave_no_job_when_the_run_cannot_be_started(self, api: Api, state: Engine) -> None:
        api.orchestrator.is_reachable = False
        assert api.post("/tasks", json={**DAY, "date": "2025-06-08"}).status_code == 503
        with state.connect() as connection:
            rows = connection.execute(select(api_tasks.c.parameters)).scalars().all()
        assert [row for row in rows if row.get("date") == "2025-06-08"] == []


class TestStatus:
    def test_should_be_pending_when_the_run_is_queued(self, api: Api) -> None:
        task_id = created(api, date="2025-06-10")
        body = api.get(f"/tasks/{task_id}/status", token=VIEWER).json()
        assert (body["task_id"], body["kind"], body["status"], body["progress"]) == (task_id, "visits", "pending", 0)
        assert (body["started_at"], body["finished_at"], body["error"]) == (None, None, None)

    def test_should_count_planned_steps_when_the_load_runs(self, api: Api) -> None:
        task_id = created(api, date="2025-06-11")
        api.orchestrator.move(
            "metrika_logs", task_id, RUNNING, step_count=5, finished_count=4, running_steps=("load_days",)
        )
        body = api.get(f"/tasks/{task_id}/status").json()
        assert (body["status"], body["progress"]) == ("running", 40)
        assert body["message"] == "load_days running, 4 of 10 steps done"
        assert body["started_at"].endswith("Z")

    def test_should_never_fall_when_steps_are_added(self, api: Api) -> None:
        task_id = created(api, date="2025-06-12")
        shown = []
        for step_count, finished_count in [(5, 3), (20, 3), (20, 2), (20, 19)]:
            api.orchestrator.move(
                "metrika_logs", task_id, RUNNING, step_count=step_count, finished_count=finished_count
            )
            shown.append(api.get(f"/tasks/{task_id}/status").json()["progress"])
        assert shown == sorted(shown)

    def test_should_run_on_when_scoring_has_not_begun(self, api: Api) -> None:
        task_id = created(api, date="2025-06-13")
        api.orchestrator.move("metrika_logs", task_id, SUCCESS, step_count=5, finished_count=5)
        api.orchestrator.follow_ups[task_id] = FollowUp(True)
        body = api.get(f"/tasks/{task_id}/status").json()
        assert (body["status"], body["progress"], body["finished_at"]) == ("running", 50, None)

    def test_should_be_done_when_scoring_has_ended(self, api: Api) -> None:
        task_id = created(api, date="2025-06-14")
        api.orchestrator.finish_visits(task_id)
        body = api.get(f"/tasks/{task_id}/status").json()
        assert (body["status"], body["progress"], body["error"]) == ("done", 100, None)
        assert body["finished_at"] is not None

    @pytest.mark.parametrize("stage", ["load", "score"])
    def test_should_tell_the_error_when_a_run_has_failed(self, api: Api, stage: str) -> None:
        task_id = created(api, date=f"2025-06-{15 if stage == 'load' else 16}")
        if stage == "load":
            api.orchestrator.fail("metrika_logs", task_id, "Metrika refused the token.")
        else:
            api.orchestrator.finish_visits(task_id, FAILED)
            api.orchestrator.errors[f"asset_triggered__{task_id}"] = "Metrika refused the token."
        body = api.get(f"/tasks/{task_id}/status").json()
        assert (body["status"], body["error"]) == ("failed", "Metrika refused the token.")
        assert body["progress"] < 100

    def test_should_fail_when_nothing_was_scored(self, api: Api) -> None:
        task_id = created(api, date="2025-06-17")
        api.orchestrator.move("metrika_logs", task_id, SUCCESS, step_count=5, finished_count=5)
        assert api.get(f"/tasks/{task_id}/status").json()["status"] == "failed"

    def test_should_forget_the_token_when_the_task_has_ended(self, api: Api, state: Engine) -> None:
        task_id = created(api, date="2025-06-18", token="t0ken")
        api.orchestrator.finish_visits(task_id)
        api.get(f"/tasks/{task_id}/status")
        with state.connect() as connection:
            row = connection.execute(select(api_tasks).where(api_tasks.c.task_id == task_id)).one()
        assert row.encrypted_token is None
        assert row.finished_at is not None

    @pytest.mark.parametrize(
        "task_id", ["nothing", "api__visits__20250702T010203Z__9f3c2a10", "a%00b", "%F0%9F%98%80", "x" * 300]
    )
    @pytest.mark.parametrize("what", ["status", "result", "conversions"])
    def test_should_answer_404_when_the_task_is_unknown(self, api: Api, task_id: str, what: str) -> None:
        answer = api.get(f"/tasks/{task_id}/{what}")
        assert (answer.status_code, answer.json()["detail"]) == (404, "Task not found")

    @pytest.mark.parametrize(
        "run_id", ["scheduled__2025-07-02T00:00:00+00:00", "manual__2025-07-02T01:02:03.004+03:00", "backfill__x"]
    )
    def test_should_show_runs_of_others_when_their_id_is_percent_encoded(self, api: Api, run_id: str) -> None:
        api.orchestrator.add_run("visit_scoring", run_id, RUNNING, step_count=4, finished_count=1)
        body = api.get(f"/tasks/{quote(run_id, safe='')}/status").json()
        assert (body["task_id"], body["status"], body["progress"]) == (run_id, "running", 25)

    def test_should_ask_for_the_dag_when_several_have_the_run(self, api: Api) -> None:
        for dag_id in ("metrika_logs", "conversion_upload"):
            api.orchestrator.add_run(dag_id, "manual__twice", RUNNING)
        ambiguous = api.get("/tasks/manual__twice/status")
        assert (ambiguous.status_code, ambiguous.json()["code"]) == (409, "ambiguous_task")
        body = api.get("/tasks/manual__twice/status", params={"dag_id": "conversion_upload"}).json()
        assert body["kind"] == "conversions"

    def test_should_answer_404_when_the_dag_is_not_one_of_ours(self, api: Api) -> None:
        api.orchestrator.add_run("someone_elses", "manual__x", RUNNING)
        assert api.get("/tasks/manual__x/status", params={"dag_id": "someone_elses"}).status_code == 404


class TestResult:
    def test_should_page_through_the_visits_when_the_task_is_done(
        self, api: Api, day_task: str, scored: ScoredDay
    ) -> None:
        pages = [
            api.get(f"/tasks/{day_task}/result", params={"limit": 2, "offset": offset}).json() for offset in (0, 2, 4)
        ]
        visits = [visit for page in pages for visit in page["data"]]
        assert [page["pagination"]["has_more"] for page in pages] == [True, True, False]
        assert pages[0]["pagination"] == {"total": 5, "limit": 2, "offset": 0, "has_more": True}
        assert {visit["visitId"] for visit in visits} == {str(one.visit_id) for one in scored.visits}
        assert visits == sorted(visits, key=lambda one: (one["dateTime"], int(one["visitId"])))
        assert {type(value) for visit in visits for value in visit.values()} == {str, int}

    def test_should_give_an_empty_page_when_the_offset_is_past_the_end(self, api: Api, day_task: str) -> None:
        page = api.get(f"/tasks/{day_task}/result", params={"offset": 99}).json()
        assert page == {"data": [], "pagination": {"total": 5, "limit": 100, "offset": 99, "has_more": False}}

    def test_should_answer_202_when_the_task_is_not_finished(self, api: Api) -> None:
        answer = api.get(f"/tasks/{created(api, date='2025-06-20')}/result")
        assert (answer.status_code, answer.json()) == (202, {"detail": "Task not finished"})
        assert int(answer.headers["retry-after"]) > 0

    def test_should_answer_409_when_the_task_has_failed(self, api: Api) -> None:
        task_id = created(api, date="2025-06-21")
        api.orchestrator.fail("metrika_logs", task_id, "No such counter.")
        answer = api.get(f"/tasks/{task_id}/result")
        assert (answer.status_code, answer.json()["code"]) == (409, "task_failed")
        assert "No such counter." in answer.json()["detail"]

    @pytest.mark.parametrize(
        ("query", "code"),
        [
            ("limit=0", "greater_than_equal"),
            ("limit=1001", "less_than_equal"),
            ("limit=ten", "int_parsing"),
            ("offset=-1", "greater_than_equal"),
            ("offset=99999999999999999999", "less_than_equal"),
            ("page=2", "unknown_parameter"),
            ("limit=1&limit=2", "repeated_parameter"),
        ],
    )
    def test_should_answer_422_when_the_query_is_wrong(self, api: Api, query: str, code: str) -> None:
        answer = api.get(f"/tasks/any/result?{query}")
        assert (answer.status_code, answer.json()["detail"][0]["type"]) == (422, code)

    def test_should_show_a_scheduled_day_when_asked_by_its_run_id(
        self, api: Api, scored: ScoredDay, state: Engine
    ) -> None:
        with state.begin() as connection:
            write_counter(connection, Counter(scored.counter_id, "shop", "Europe/Moscow"))
        api.orchestrator.add_run(
            "visit_scoring", "scheduled__day", SUCCESS, conf={"counters": [scored.counter_id]},
            partition_key=scored.day.isoformat(),
        )  # fmt: skip
        assert api.get("/tasks/scheduled__day/result").json()["pagination"]["total"] == 5
