from __future__ import annotations

import threading
import time
from functools import partial

import pytest
from sqlalchemy import Engine
from sqlalchemy import event as sqlalchemy_event

from include.errors import StoreUnavailable
from include.events.apps import rules as rules_module
from include.events.apps.projects import AppChanges, change_app
from include.events.apps.rules import ProjectRules, RulesCache, read_rules
from include.secret import Secret
from include.state.engine import connect_state
from tests.registered_events import at_once, event, new_app, register


class Clock:
    """Seconds that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> RulesCache:
    return RulesCache(clock)


@pytest.fixture
def app_code(state: Engine) -> str:
    return new_app(state, time_zone="Europe/Moscow", mode="strict")


def known(cache: RulesCache, state: Engine, app_code: str) -> ProjectRules:
    found = cache.get(state, app_code)
    assert found is not None
    return found


class TestReadRules:
    def test_should_hold_what_intake_needs(self, state: Engine, app_code: str) -> None:
        register(state, app_code, event("number of product views", product_name="string", quantity="integer"))
        with state.connect() as connection:
            found = read_rules(connection, app_code)
        assert found is not None
        assert (found.project, found.mode, found.is_strict, found.time_zone.key, found.max_age_days) == (
            app_code, "strict", True, "Europe/Moscow", 90,
        )  # fmt: skip
        assert (found.aliases, found.revision) == ({"view_page": "page_view"}, 1)
        schema = found.schemas["number_of_product_views"]
        assert (schema.version, [one.name for one in schema.attributes]) == (1, ["product_name", "quantity"])

    def test_should_know_the_default_project(self, state: Engine) -> None:
        with state.connect() as connection:
            found = read_rules(connection, "default")
        assert found is not None
        assert (found.project_number, found.mode) == (0, "lenient")

    @pytest.mark.parametrize("project", ["", "nothing", "DEFAULT", "a\0", "\ud800", "x" * 1000])
    def test_should_say_none_when_there_is_no_such_project(self, state: Engine, project: str) -> None:
        with state.connect() as connection:
            assert read_rules(connection, project) is None

    def test_should_read_old_events_when_the_schema_has_a_new_version(self, state: Engine, app_code: str) -> None:
        """P2."""
        register(state, app_code, event("tap", x={"type": "integer", "required": True}, y="string"))
        cache = RulesCache()
        old = known(cache, state, app_code).schemas["tap"].check({"x": 1.0, "y": "a"}, is_strict=True)
        register(state, app_code, event("tap", x="number", y={"type": "string", "max_length": 2000}, z="boolean"))
        cache.forget(app_code)
        schema = known(cache, state, app_code).schemas["tap"]
        assert (schema.version, schema.check(old.props, is_strict=True)) == (2, old)


class TestRulesCache:
    def test_should_not_ask_again_when_it_is_fresh(self, state: Engine, app_code: str, cache: RulesCache) -> None:
        cache.get(state, app_code)
        asked: list[str] = []
        listen = partial(_note, asked)
        sqlalchemy_event.listen(state, "before_cursor_execute", listen)
        try:
            cache.get(state, app_code)
        finally:
            sqlalchemy_event.remove(state, "before_cursor_execute", listen)
        assert asked == []

    def test_should_ask_for_the_project_only_when_nothing_changed(
        self, state: Engine, app_code: str, cache: RulesCache, clock: Clock
    ) -> None:
        before = cache.get(state, app_code)
        clock.now += 1
        asked: list[str] = []
        listen = partial(_note, asked)
        sqlalchemy_event.listen(state, "before_cursor_execute", listen)
        try:
            assert cache.get(state, app_code) is before
        finally:
            sqlalchemy_event.remove(state, "before_cursor_execute", listen)
        assert (len(asked), "event_schemas" in "".join(asked)) == (1, False)

    def test_should_compile_only_what_changed(
        self, state: Engine, app_code: str, cache: RulesCache, clock: Clock
    ) -> None:
        register(state, app_code, event("a", x="integer"), event("b", x="integer"))
        before = known(cache, state, app_code)
        register(state, app_code, event("b", x="number"))
        clock.now += 1
        after = known(cache, state, app_code)
        assert after.schemas["a"] is before.schemas["a"]
        assert (before.schemas["b"].version, after.schemas["b"].version) == (1, 2)

    def test_should_follow_a_change_within_two_seconds(self, state: Engine, app_code: str) -> None:
        cache = RulesCache()
        assert known(cache, state, app_code).is_strict
        change_app(state, app_code, AppChanges(mode="lenient"))
        changed_at = time.monotonic()
        while known(cache, state, app_code).is_strict:
            assert time.monotonic() - changed_at < 2
            time.sleep(0.05)

    def test_should_never_remember_that_there_is_no_such_project(self, state: Engine, cache: RulesCache) -> None:
        assert [cache.get(state, f"nothing-{n}") for n in range(20)] == [None] * 20
        assert len(cache) == 0

    def test_should_forget_the_project_asked_longest_ago_when_it_is_full(
        self, state: Engine, cache: RulesCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rules_module, "REMEMBERED_PROJECTS", 2)
        codes = [new_app(state) for _ in range(3)]
        first = [cache.get(state, code) for code in codes]
        assert len(cache) == 2
        assert cache.get(state, codes[2]) is first[2]
        assert cache.get(state, codes[0]) is not first[0]

    def test_should_serve_what_is_fresh_when_the_state_is_away(
        self, state: Engine, app_code: str, cache: RulesCache, clock: Clock
    ) -> None:
        away = connect_state(Secret("postgresql://nobody@127.0.0.1:1/none"))
        before = cache.get(state, app_code)
        assert cache.get(away, app_code) is before
        clock.now += 1
        with pytest.raises(StoreUnavailable):
            cache.get(away, app_code)
        away.dispose()

    def test_should_give_whole_rules_to_many_threads_while_they_change(self, state: Engine, app_code: str) -> None:
        """Revision and schemas always belong together: revision n has n events."""
        cache, stop = RulesCache(clock=_no_rest), threading.Event()

        def read() -> list[tuple[int, int]]:
            seen = []
            while not stop.is_set() and len(seen) < 2000:
                found = known(cache, state, app_code)
                seen.append((found.revision, len(found.schemas)))
            return seen

        def write() -> list[tuple[int, int]]:
            for number in range(20):
                register(state, app_code, event(f"e{number}"))
            stop.set()
            return []

        answers = at_once([read, read, read, write])
        pairs = {pair for answer in answers if isinstance(answer, list) for pair in answer}
        assert {revision - count for revision, count in pairs} == {0}
        assert not [answer for answer in answers if isinstance(answer, Exception)]


def _note(asked: list[str], *arguments: object) -> None:
    asked.append(str(arguments[2]))


def _no_rest(ticks: list[float] = [0.0]) -> float:  # noqa: B006 - a clock that has always moved on
    ticks[0] += 10
    return ticks[0]
