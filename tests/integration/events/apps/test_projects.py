from __future__ import annotations

import uuid
from functools import partial

import pytest
from sqlalchemy import Engine, select

from include.accounts.keys import find_key, list_keys
from include.errors import InputError
from include.events.apps.projects import AppChanges, change_app, create_app, find_app, list_apps
from include.state.tables import api_keys, projects
from tests.registered_events import at_once, new_app


class TestCreateApp:
    def test_should_make_one_app_when_eight_ask_for_the_same_name(self, state: Engine) -> None:
        owner = f"account:{uuid.uuid4()}"
        answers = at_once([partial(create_app, state, app_name="Shop", owner=owner)] * 8)
        assert [answer.code for answer in answers if isinstance(answer, InputError)] == ["app_exists"] * 7
        apps, total = list_apps(state, owner=owner, limit=10, offset=0)
        assert (total, len(list_keys(state, apps[0].app_code))) == (1, 1)

    def test_should_leave_nothing_when_the_name_is_taken(self, state: Engine) -> None:
        owner = f"account:{uuid.uuid4()}"
        create_app(state, app_name="Shop", owner=owner)
        with pytest.raises(InputError):
            create_app(state, app_name="shop", owner=owner)
        with state.connect() as connection:
            keys = connection.execute(select(api_keys.c.project).where(api_keys.c.created_by == owner)).all()
        assert len(keys) == 1

    def test_should_store_no_key_in_clear(self, state: Engine) -> None:
        _, key, secret = create_app(state, app_name="Shop", owner=f"account:{uuid.uuid4()}")
        with state.connect() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key.key_id)).one()
        assert secret.value.split("_")[2] not in str(row)
        assert find_key(state, secret) == key

    def test_should_tell_names_apart_by_owner(self, state: Engine) -> None:
        first, second = (create_app(state, app_name="Shop", owner=f"account:{uuid.uuid4()}")[0] for _ in range(2))
        assert first.app_code != second.app_code


class TestChangeApp:
    def test_should_lose_no_change_when_two_change_at_once(self, state: Engine) -> None:
        code = new_app(state)
        changes = [AppChanges(mode="strict"), AppChanges(max_age_days=7), AppChanges(time_zone="Asia/Tokyo")]
        at_once([partial(change_app, state, code, change) for change in changes])
        app = find_app(state, code)
        assert app is not None
        assert (app.mode, app.max_age_days, app.time_zone, app.schema_revision) == ("strict", 7, "Asia/Tokyo", 3)

    @pytest.mark.parametrize("code", ["nothing", "a\0b", "Ü", ""])
    def test_should_say_none_when_there_is_no_such_app(self, state: Engine, code: str) -> None:
        assert (change_app(state, code, AppChanges(mode="strict")), find_app(state, code)) == (None, None)


class TestListApps:
    def test_should_list_every_app_and_the_default_project_when_no_owner_is_named(self, state: Engine) -> None:
        code = new_app(state)
        found, total = list_apps(state, owner=None, limit=1000, offset=0)
        assert (found[0].app_code, found[-1].app_code, total) == ("default", code, len(found))

    def test_should_number_projects_for_large_tables(self, state: Engine) -> None:
        codes = [new_app(state) for _ in range(2)]
        with state.connect() as connection:
            query = select(projects.c.project_number).where(projects.c.project.in_(codes))
            numbers = connection.execute(query.order_by(projects.c.project_number)).scalars().all()
        assert 0 < numbers[0] < numbers[1]
