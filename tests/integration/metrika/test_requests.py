from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, update

from include.errors import SourceRequestFailed, SourceUnavailable
from include.metrika.client.logs_api import LogOrder, LogsApi
from include.metrika.client.session import MetrikaSession
from include.metrika.requests.own_requests import refresh, wait_processed
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.serving.server import SandboxHandle
from include.settings import MetrikaSettings
from include.state.tables import log_requests
from tests.own_requests import DAY, FIELDS, ORDER, PATIENT, created, grow_old, open_rows, ordered, ready

Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]


class TestM7Waiting:
    def test_should_be_ready_when_metrika_retries_by_itself(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(faults=Faults(queue_path="awaiting_retry")).url))
        words: list[str] = []
        own = ordered(api, state)
        own = wait_processed(api, state, own, PATIENT, lambda message, done, total: words.append(message))
        assert own.is_ready
        assert any("awaiting_retry" in word for word in words)

    @pytest.mark.parametrize("word", ["processing_failed", "canceled", "cleaned_automatically_as_too_old"])
    def test_should_fail_with_the_word_and_order_anew_on_retry_when_it_ends_badly(
        self, serve: Serve, connect: Connect, state: Engine, word: str
    ) -> None:
        sandbox = serve(faults=Faults(queue_path=word, queue_path_count=1))
        api = LogsApi(connect(sandbox.url))
        with pytest.raises(SourceRequestFailed, match=word) as caught:
            ready(api, state)
        assert caught.value.retryable
        assert ready(api, state).is_ready
        assert created(sandbox) == 2

    def test_should_fail_when_someone_cleaned_it(self, serve: Serve, connect: Connect, state: Engine) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        api.clean(101, own.prepared.request_id)
        with pytest.raises(SourceRequestFailed, match="cleaned_by_user"):
            refresh(api, state, own)

    def test_should_name_the_word_at_the_deadline_when_nobody_knows_it(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(faults=Faults(queue_path="unknown")).url))
        impatient = MetrikaSettings(poll_seconds=0.02, poll_max_seconds=0.05, deadline_seconds=1)
        with pytest.raises(SourceRequestFailed, match="'being_weighed', a word this program does not know"):
            wait_processed(api, state, ordered(api, state), impatient)

    def test_should_stop_at_the_deadline_when_the_queue_is_slow(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(queue_seconds=60).url))
        impatient = MetrikaSettings(poll_seconds=0.02, poll_max_seconds=0.05, deadline_seconds=0.5)
        with pytest.raises(SourceUnavailable, match=r"still 'created' after 0\.5 s"):
            wait_processed(api, state, ordered(api, state), impatient)

    def test_should_poll_ever_more_rarely_when_it_takes_long(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        api = LogsApi(connect(serve(queue_seconds=60).url))
        pauses: list[float] = []

        def note(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 8:
                raise KeyboardInterrupt

        settings = MetrikaSettings(poll_seconds=10, poll_max_seconds=60)
        with pytest.raises(KeyboardInterrupt):
            wait_processed(api, state, ordered(api, state), settings, sleep=note)
        assert pauses == [10, 15, 22.5, 33.75, 50.625, 60, 60, 60]


class TestM8Resume:
    def test_should_find_its_own_again_when_the_task_is_retried(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        first = ordered(api, state)
        again = ready(api, state, run_id="run2")
        assert (again.order_id, again.request_id) == (first.order_id, first.request_id)
        assert created(sandbox) == 1

    @pytest.mark.parametrize("lost", [1, 2])
    def test_should_look_it_up_when_the_answer_was_lost(
        self, serve: Serve, connect: Connect, state: Engine, lost: int
    ) -> None:
        sandbox = serve(faults=Faults(lost_create_replies=lost))
        api = LogsApi(connect(sandbox.url))
        own = ready(api, state)
        assert own.is_ready
        assert created(sandbox) == 1
        assert len(api.list(101)) == 1

    def test_should_repeat_the_create_when_it_never_arrived(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/logrequests", status=503, method="POST", times=2)
        api = LogsApi(connect(sandbox.url))
        assert ready(api, state).is_ready
        assert len(api.list(101)) == 1

    def test_should_give_up_and_go_on_later_when_every_create_is_lost(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/logrequests", status=503, method="POST", times=3)
        api = LogsApi(connect(sandbox.url))
        with pytest.raises(SourceUnavailable, match="lost 3 orders"):
            ordered(api, state)
        assert ready(api, state).is_ready
        assert open_rows(state) == 1

    def test_should_never_take_a_foreign_request_when_it_matches_exactly(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(more_tokens={"foreign-token": "other"})
        foreign = LogsApi(connect(sandbox.url, token="foreign-token")).create(ORDER)
        own = ready(LogsApi(connect(sandbox.url)), state)
        assert own.request_id != foreign.request_id

    def test_should_take_only_what_matches_when_a_lost_answer_is_looked_up(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve(more_tokens={"foreign-token": "other"})
        api, foreign = LogsApi(connect(sandbox.url)), LogsApi(connect(sandbox.url, token="foreign-token"))
        sandbox.fail_next("/logrequests", status=503, method="POST", times=3)
        with pytest.raises(SourceUnavailable):
            ordered(api, state)
        other = foreign.create(LogOrder(101, "visits", DAY, DAY, FIELDS[:-1]))
        assert ready(api, state).request_id != other.request_id

    def test_should_order_anew_when_the_stored_id_is_not_found(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        ordered(api, state)
        with state.begin() as connection:
            connection.execute(update(log_requests).values(request_id=1))
        assert ready(api, state, run_id="run2").is_ready
        assert created(sandbox) == 2

    def test_should_order_anew_and_free_the_old_when_it_was_left_for_hours(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        old = ready(api, state)
        grow_old(state, hours=7)
        new = ready(api, state, run_id="next day")
        assert new.request_id != old.request_id
        assert api.get(101, old.prepared.request_id).status == "cleaned_by_user"

    def test_should_keep_orders_apart_when_only_the_fields_differ(
        self, serve: Serve, connect: Connect, state: Engine
    ) -> None:
        sandbox = serve()
        api = LogsApi(connect(sandbox.url))
        first = ordered(api, state)
        second = ordered(api, state, LogOrder(101, "visits", DAY, DAY, FIELDS[:-1]))
        assert first.request_id != second.request_id
