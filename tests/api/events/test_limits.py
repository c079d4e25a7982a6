"""I5, H6: too much is refused with a time to come back, nothing of it is stored, and later it is taken."""

from __future__ import annotations

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import text

from include.events.intake.turns import Turns
from tests.api.events.conftest import Shop, World, broken, event, shop_of
from tests.api_client import Api

FULL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON inbox_batches FOR EACH ROW EXECUTE FUNCTION no_room()"""
ROOM_AGAIN = "DROP TRIGGER no_room ON inbox_batches; DROP FUNCTION no_room()"


def waits(answer: Any) -> bool:
    """Whether the answer says in whole seconds when to come back."""
    return int(answer.headers["retry-after"]) >= 1


class TestRate:
    def test_should_answer_429_with_the_limits_when_a_key_asks_too_often(self, world: World) -> None:
        shop = shop_of(world.api(EVENTS_KEY_REQUESTS_PER_SECOND="0.1"))
        assert [shop.send([event()]).status_code for _ in range(2)] == [202, 429]
        answer = shop.send([event()])
        assert (answer.json()["code"], waits(answer)) == ("rate_limited", True)
        assert answer.headers["ratelimit-limit"] == "0.1"
        assert (answer.headers["ratelimit-remaining"], int(answer.headers["ratelimit-reset"]) >= 1) == ("0", True)
        assert shop.stored() == 1

    def test_should_answer_429_when_a_key_sends_too_many_events(self, world: World) -> None:
        shop = shop_of(world.api(EVENTS_KEY_EVENTS_PER_SECOND="0.5"))
        assert shop.send([event() for _ in range(3)]).status_code == 202
        answer = shop.send([event()])
        assert (answer.status_code, waits(answer), shop.stored()) == (429, True, 3)

    def test_should_not_keep_a_429_as_the_answer_of_a_key(self, world: World) -> None:
        api = world.api(EVENTS_KEY_EVENTS_PER_SECOND="0.5")
        shop, headers = shop_of(api), {"Idempotency-Key": "k-1"}
        shop.send([event(), event()])
        body = [event()]
        assert shop.send(body, headers=headers).status_code == 429
        other = Shop(world.api(), shop.app_code, shop.key)
        answer = other.send(body, headers=headers)
        assert (answer.status_code, "idempotency-replayed" in answer.headers) == (202, False)

    def test_should_keep_keys_apart(self, world: World) -> None:
        api = world.api(EVENTS_KEY_REQUESTS_PER_SECOND="0.1")
        first, second = shop_of(api), shop_of(api)
        assert [shop.send([event()]).status_code for shop in (first, second, first)] == [202, 202, 429]


class TestFullInbox:
    @pytest.mark.parametrize("cap", [{"EVENTS_INBOX_MAX_EVENTS": "3"}, {"EVENTS_INBOX_MAX_BYTES": "700"}], ids=str)
    def test_should_answer_503_until_there_is_room(self, world: World, cap: dict[str, str]) -> None:
        shop = shop_of(world.api())
        with shop.state.begin() as connection:
            connection.execute(text("DELETE FROM inbox_batches"))
        small = Shop(world.api(**cap), shop.app_code, shop.key)
        statuses = [small.send([event(), event(), event()]).status_code for _ in range(4)]
        assert (statuses[0], statuses[-1]) == (202, 503)
        answer, stored = small.send([event()]), shop.stored()
        assert (answer.json()["code"], waits(answer)) == ("inbox_full", True)
        assert small.api.post("/quarantine/replay", json={"ids": []}).status_code == 503
        with shop.state.begin() as connection:
            connection.execute(text("DELETE FROM inbox_batches"))
        later = Shop(world.api(**cap), shop.app_code, shop.key)
        assert (later.send([event()]).status_code, shop.stored()) == (202, stored + 1)


class TestTrouble:
    def test_should_answer_503_when_the_disk_is_full_and_take_the_same_request_later(self, shop: Shop) -> None:
        body, headers = [event(id=...)], {"Idempotency-Key": "k-1"}
        with broken(shop.state, FULL, ROOM_AGAIN):
            answer = shop.send(body, headers=headers)
            assert (answer.status_code, answer.json()["code"], waits(answer)) == (503, "store_full", True)
            assert shop.stored() == 0
        again = shop.send(body, headers=headers)
        assert (again.status_code, "idempotency-replayed" in again.headers, shop.stored()) == (202, False, 1)

    def test_should_answer_503_when_postgresql_is_away(self, world: World) -> None:
        api = world.api(DATABASE_URL="postgresql://nobody:x@127.0.0.1:1/nothing")
        answer = api.post("/api/v1/events", json=[event()])
        assert (answer.status_code, waits(answer)) == (503, True)

    def test_should_answer_503_when_every_connection_is_cut_and_202_after_it(self, shop: Shop) -> None:
        shop.send([event()])
        cut = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with shop.state.connect() as connection:
            connection.execute(text(cut))
        statuses = [shop.send([event()]).status_code for _ in range(3)]
        assert statuses[-1] == 202
        assert shop.stored() == 1 + statuses.count(202)

    def test_should_answer_503_when_too_many_come_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("include.api.events.desk.Turns", lambda: Turns(running=1, present=1))
        shop = shop_of(world.api())
        desk_is_taken = threading.Event()
        go_on = threading.Event()
        slow = "include.api.events.desk.take_in"
        from include.events.intake.taking_in import take_in

        def wait_and_take(*arguments: Any, **named: Any) -> Any:
            desk_is_taken.set()
            assert go_on.wait(30)
            return take_in(*arguments, **named)

        monkeypatch.setattr(slow, wait_and_take)
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(shop.send, [event()])
            assert desk_is_taken.wait(30)
            answer = shop.send([event()])
            go_on.set()
            assert first.result().status_code == 202
        assert (answer.status_code, answer.json()["code"], waits(answer)) == (503, "overloaded", True)
        assert shop.stored() == 1


class TestMemory:
    def test_should_not_grow_with_the_number_of_batches(self, world: World) -> None:
        api: Api = world.api(EVENTS_KEY_EVENTS_PER_SECOND="1000000", EVENTS_KEY_REQUESTS_PER_SECOND="1000000")
        shop = shop_of(api)
        for _ in range(5):
            shop.send([event() for _ in range(200)])
        tracemalloc.start()
        try:
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(40):
                assert shop.send([event() for _ in range(200)]).status_code == 202
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert after - before < 2_000_000
        assert peak - before < 20_000_000
