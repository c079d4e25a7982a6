from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, select

from include.errors import InputError
from include.events.apps.projects import AppChanges, change_app, find_app
from include.events.schemas.definitions import EventDefinitions
from include.events.schemas.reading import read_events
from include.events.schemas.registering import MOST_EVENT_TYPES, RegisteredEvent, register_events
from include.state.tables import event_schemas
from tests.registered_events import at_once, event, new_app, register

THREADS = 8
Call = Callable[[], tuple[RegisteredEvent, ...]]


@pytest.fixture
def app_code(state: Engine) -> str:
    return new_app(state)


def revision(state: Engine, app_code: str) -> int:
    app = find_app(state, app_code)
    assert app is not None
    return app.schema_revision


def versions(state: Engine, app_code: str) -> dict[str, list[int]]:
    found, _ = read_events(state, app_code, event_code=None, limit=1000, offset=0)
    return {one.event_name: [version.schema.version for version in one.versions] for one in found}


class TestTogether:
    """Registrations of one project wait for each other on its row."""

    def test_should_create_once_when_eight_register_the_same(self, state: Engine, app_code: str) -> None:
        calls: list[Call] = [partial(register, state, app_code, event("tap", x="integer"))] * THREADS
        answers = at_once(calls)
        found = [answer[0] for answer in answers if not isinstance(answer, Exception)]
        assert sorted(one.is_created for one in found) == [False] * (THREADS - 1) + [True]
        assert len({one.event_code for one in found}) == 1
        assert revision(state, app_code) == 1

    def test_should_keep_one_and_refuse_the_others_when_they_contradict(self, state: Engine, app_code: str) -> None:
        kinds = ("string", "integer", "boolean", "datetime")
        calls: list[Call] = [partial(register, state, app_code, event("tap", x=kind)) for kind in kinds]
        answers = at_once(calls)
        refused = [answer.code for answer in answers if isinstance(answer, InputError)]
        assert refused == ["incompatible_schema"] * (len(kinds) - 1)
        assert versions(state, app_code) == {"tap": [1]}

    def test_should_lose_no_change_when_each_adds_another_event(self, state: Engine, app_code: str) -> None:
        calls: list[Call] = [partial(register, state, app_code, event(f"tap {n}")) for n in range(THREADS)]
        at_once(calls)
        assert (len(versions(state, app_code)), revision(state, app_code)) == (THREADS, THREADS)

    def test_should_make_every_version_once_when_enums_grow(self, state: Engine, app_code: str) -> None:
        def grow(count: int) -> tuple[RegisteredEvent, ...]:
            values = [str(number) for number in range(count)]
            return register(state, app_code, event("tap", x={"type": "enum", "values": values}))

        grow(1)
        calls: list[Call] = [partial(grow, count) for count in range(2, THREADS + 2)]
        answers = at_once(calls)
        taken = [answer[0].version for answer in answers if not isinstance(answer, Exception)]
        found = versions(state, app_code)["tap"]
        assert sorted(taken, reverse=True) == found[:-1]
        assert found == list(range(len(found), 0, -1))
        assert revision(state, app_code) == len(found)

    def test_should_not_wait_for_ever_when_calls_list_events_in_other_orders(
        self, state: Engine, app_code: str
    ) -> None:
        one, other = event("a", x="integer"), event("b", x="integer")
        calls: list[Call] = [partial(register, state, app_code, *pair) for pair in ((one, other), (other, one)) * 4]
        assert [answer for answer in at_once(calls) if isinstance(answer, Exception)] == []

    def test_should_follow_a_change_of_aliases_made_meanwhile(self, state: Engine, app_code: str) -> None:
        change: Any = partial(change_app, state, app_code, AppChanges(aliases={"tap": "click"}))
        at_once([change, partial(register, state, app_code, event("tap"))])
        app = find_app(state, app_code)
        assert app is not None
        names = set(versions(state, app_code))
        assert (app.aliases.get("tap"), names) in (("click", {"click"}), (None, {"tap"}))


class TestAtomic:
    def test_should_register_nothing_when_one_event_is_refused(self, state: Engine, app_code: str) -> None:
        register(state, app_code, event("tap", x="integer"))
        with pytest.raises(InputError, match=r"tap\.x: its type cannot change"):
            register(state, app_code, event("new"), event("wider", y="string"), event("tap", x="boolean"))
        assert (versions(state, app_code), revision(state, app_code)) == ({"tap": [1]}, 1)

    def test_should_point_at_the_first_event_that_cannot_change(self, state: Engine, app_code: str) -> None:
        register(state, app_code, event("tap", x="integer"))
        with pytest.raises(InputError) as refused:
            register(state, app_code, event("new"), event("tap"))
        assert refused.value.pointer == "/events/1/attrs"

    def test_should_say_none_when_there_is_no_such_project(self, state: Engine) -> None:
        definitions = EventDefinitions.model_validate({"events": [event("tap")]})
        assert register_events(state, "nothing", definitions.events, created_by="test") is None

    def test_should_refuse_more_events_than_a_project_may_have(self, state: Engine, app_code: str) -> None:
        for start in range(0, MOST_EVENT_TYPES, 100):
            register(state, app_code, *(event(f"tap {n}") for n in range(start, start + 100)))
        with pytest.raises(InputError) as refused:
            register(state, app_code, event("tap 0"), event("one more"))
        assert refused.value.code == "too_many_events"
        assert register(state, app_code, event("tap 0", x="integer"))[0].version == 2


class TestRows:
    def test_should_keep_every_version_with_its_maker(self, state: Engine, app_code: str) -> None:
        (first,) = register(state, app_code, event("tap", x="integer"))
        register(state, app_code, event("tap", y="string", x="number"))
        query = select(event_schemas).where(event_schemas.c.event_code == first.event_code)
        with state.connect() as connection:
            rows = connection.execute(query.order_by(event_schemas.c.version)).mappings().all()
        named = [[(one["name"], one["type"]) for one in row["attributes"]] for row in rows]
        assert named == [[("x", "integer")], [("x", "number"), ("y", "string")]]
        assert {row["created_by"] for row in rows} == {"test"}

    def test_should_write_nothing_when_nothing_is_new(self, state: Engine, app_code: str) -> None:
        register(state, app_code, event("tap", x="integer", y="string"))
        register(state, app_code, event("Tap", y="string", x="integer"))
        assert (versions(state, app_code), revision(state, app_code)) == ({"tap": [1]}, 1)
