"""Routes and pages of models over real stores and files."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any, ClassVar
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, text

from include.registry.artefacts import artefact_path, digest_of
from include.registry.cards import store_card
from include.registry.promotions import list_promotions, promote
from include.registry.versions import ModelVersion, register
from tests.api_client import PREFIX, VIEWER, Api
from tests.visit_models import SlotShare

NAME = "level4_desktop"
PNG = b"\x89PNG\r\n\x1a\n and so on"
CARD = {"data": {"rows": 12}, "scores": {"pr_auc": 0.75, "ece": 0.02}, "gate": {"verdict": "passed"}}
HOSTILE = "<marquee onstart=alert(1)>'\"&"


@pytest.fixture
def add(api: Api, state: Engine) -> Callable[..., ModelVersion]:
    with state.begin() as connection:
        connection.execute(text("TRUNCATE models, model_promotions"))
    models_dir = api.app.state.context.settings.models_dir

    def run(threshold: float = 0.4, card: Any = CARD, **changes: Any) -> ModelVersion:
        manifest = {"origin": "training", **(store_card(models_dir, card, {"roc": PNG}) if card else {})}
        arguments = {"name": NAME, "artefact": SlotShare(), "features": ("slots",), "manifest": manifest}
        return register(state, models_dir, threshold=threshold, **{**arguments, **changes})

    return run


@pytest.fixture
def served(add: Callable[..., ModelVersion], state: Engine) -> list[ModelVersion]:
    """Two versions, promoted one after the other."""
    return [promote(state, NAME, add(threshold).version, cause="gate") for threshold in (0.4, 0.5)]


class TestReading:
    def test_should_list_versions_with_their_scores_when_asked(self, api: Api, served: list[ModelVersion]) -> None:
        body = api.get("/models", token=VIEWER).json()
        found = {one["version"]: (one["stage"], one["scores"]["pr_auc"]) for one in body["data"]}
        assert found == {served[0].version: ("archived", 0.75), served[1].version: ("production", 0.75)}
        assert body["pagination"] == {"total": 2, "limit": 100, "offset": 0, "has_more": False}

    def test_should_give_a_page_of_one_model_when_asked(self, api: Api, served: list[ModelVersion], add: Any) -> None:
        add(name="level4_mobile")
        body = api.get(f"/models?name={NAME}&limit=1&offset=1").json()
        assert [one["version"] for one in body["data"]] == [served[0].version]
        assert body["pagination"]["total"] == 2

    def test_should_show_the_card_as_it_was_stored(self, api: Api, served: list[ModelVersion]) -> None:
        body = api.get(f"/models/{NAME}/versions/{served[0].version}", token=VIEWER).json()
        assert (body["card"], body["plots"], body["origin"]) == (
            CARD, {"roc": digest_of(PNG)}, {"origin": "training"},
        )  # fmt: skip

    def test_should_have_no_card_when_the_version_came_without_one(self, api: Api, add: Any) -> None:
        body = api.get(f"/models/{NAME}/versions/{add(card=None).version}").json()
        assert (body["card"], body["plots"], body["scores"]) == (None, {}, {})

    def test_should_give_the_plot_when_asked(self, api: Api, served: list[ModelVersion]) -> None:
        answer = api.get(f"/models/{NAME}/versions/{served[0].version}/plots/roc", headers={"Accept": "image/*"})
        assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")

    def test_should_tell_the_history_newest_first(self, api: Api, served: list[ModelVersion]) -> None:
        body = api.get(f"/models/{NAME}/history").json()
        assert [(one["version"], one["replaced_version"], one["cause"]) for one in body["data"]] == [
            (served[1].version, served[0].version, "gate"),
            (served[0].version, "", "gate"),
        ]

    @pytest.mark.parametrize(
        "path",
        [
            "/models/nobody/history",
            "/models/nobody/versions/{version}",
            "/models/level4_desktop/versions/0123456789ab",
            "/models/level4_desktop/versions/%00",
            "/models/level4_desktop/versions/{version}/plots/deciles",
            "/models/level4_desktop/versions/{version}/plots/..%5c",
            "/ui/models/nobody/{version}",
        ],
    )
    def test_should_answer_404_when_there_is_no_such_thing(
        self, api: Api, served: list[ModelVersion], path: str
    ) -> None:
        answer = api.get(path.format(version=served[0].version))
        assert (answer.status_code, answer.json()["code"]) in {(404, "model_unknown"), (404, "plot_unknown")}

    def test_should_say_nothing_of_the_machine_when_a_plot_is_another_file(
        self, api: Api, served: list[ModelVersion]
    ) -> None:
        path = artefact_path(api.app.state.context.settings.models_dir, digest_of(PNG), ".png")
        path.write_bytes(b"other")
        answer = api.get(f"/models/{NAME}/versions/{served[0].version}/plots/roc")
        assert (answer.status_code, answer.json()["code"]) == (409, "model_unusable")
        assert str(path.parent) not in answer.text


class TestPromote:
    def test_should_decide_from_then_on_and_say_who_asked(
        self, api: Api, served: list[ModelVersion], state: Engine
    ) -> None:
        answer = api.post(f"/models/{NAME}/promote", json={"version": served[0].version})
        assert (answer.status_code, answer.json()["stage"]) == (200, "production")
        last = list_promotions(state, NAME)[-1]
        assert (last.version, last.cause, last.run_id) == (served[0].version, "command", "api:erin")

    def test_should_answer_404_when_there_is_no_such_version(self, api: Api, served: list[ModelVersion]) -> None:
        answer = api.post(f"/models/{NAME}/promote", json={"version": "0123456789ab"})
        assert (answer.status_code, answer.json()["code"]) == (404, "model_unknown")

    def test_should_change_nothing_when_the_file_is_gone(self, api: Api, served: list[ModelVersion], add: Any) -> None:
        made = add(artefact=SlotShare(20.0))
        artefact_path(api.app.state.context.settings.models_dir, made.sha256).unlink()
        answer = api.post(f"/models/{NAME}/promote", json={"version": made.version})
        assert (answer.status_code, answer.json()["code"]) == (409, "model_unusable")
        assert api.get(f"/models/{NAME}/versions/{served[1].version}").json()["stage"] == "production"

    @pytest.mark.parametrize("body", [{}, {"version": 7}, {"version": ""}, {"version": "x", "name": "y"}, []])
    def test_should_answer_422_when_the_body_is_wrong(self, api: Api, served: list[ModelVersion], body: Any) -> None:
        assert api.post(f"/models/{NAME}/promote", json=body).status_code == 422


class TestRollback:
    def test_should_go_back_once_when_sent_twice_under_one_key(
        self, api: Api, served: list[ModelVersion], add: Any, state: Engine
    ) -> None:
        promote(state, NAME, add(0.6).version, cause="gate")
        for _ in range(2):
            answer = api.post(f"/models/{NAME}/rollback", json={}, headers={"Idempotency-Key": "back-once"})
            assert (answer.status_code, answer.json()["version"]) == (200, served[1].version)
        assert answer.headers["idempotency-replayed"] == "true"
        assert len(list_promotions(state, NAME)) == 4

    def test_should_go_back_once_when_it_names_the_version_it_leaves(
        self, api: Api, served: list[ModelVersion], add: Any, state: Engine
    ) -> None:
        last = promote(state, NAME, add(0.6).version, cause="gate")
        body = {"from_version": last.version}
        answers = [api.post(f"/models/{NAME}/rollback", json=body) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 409]
        assert answers[1].json()["code"] == "other_version_decides"

    def test_should_answer_409_when_there_is_no_version_before(self, api: Api, add: Any, state: Engine) -> None:
        promote(state, NAME, add().version, cause="gate")
        answer = api.post(f"/models/{NAME}/rollback", json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "no_version_before")

    def test_should_answer_409_when_the_file_of_the_version_before_is_gone(
        self, api: Api, add: Any, state: Engine
    ) -> None:
        first = promote(state, NAME, add(artefact=SlotShare(30.0)).version, cause="gate")
        second = promote(state, NAME, add().version, cause="gate")
        artefact_path(api.app.state.context.settings.models_dir, first.sha256).unlink()
        answer = api.post(f"/models/{NAME}/rollback", json={})
        assert (answer.status_code, answer.json()["code"]) == (409, "model_unusable")
        assert list_promotions(state, NAME)[-1].version == second.version

    def test_should_answer_404_when_there_is_no_such_model(self, api: Api, served: list[ModelVersion]) -> None:
        assert api.post("/models/nobody/rollback", json={}).status_code == 404


class Seen(HTMLParser):
    """Tags and addresses of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data: str) -> None:
        self.text += data


class TestPages:
    BROWSER: ClassVar[dict[str, Any]] = {
        "headers": {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
        "token": VIEWER,
    }

    def test_should_lead_to_a_card_for_each_version(self, api: Api, served: list[ModelVersion]) -> None:
        page = Seen(api.get("/ui/models", **self.BROWSER).text)
        wanted = {f"{PREFIX}/ui/models/{NAME}/{version.version}" for version in served}
        assert set(page.addresses) == wanted
        for address in wanted:
            assert api.get(address.removeprefix(PREFIX), **self.BROWSER).status_code == 200

    def test_should_say_which_version_decides_and_since_when(self, api: Api, served: list[ModelVersion]) -> None:
        text_ = Seen(api.get("/ui/models", **self.BROWSER).text).text
        assert re.search(rf"{served[1].version} decides since \d{{4}}-\d\d-\d\d", text_)
        assert "History (2)" in text_

    def test_should_say_so_when_no_model_is_registered(self, api: Api, add: Any) -> None:
        assert "No model is registered yet" in api.get("/ui/models", **self.BROWSER).text

    @pytest.mark.parametrize("path", ["/ui/models", "/ui/models/{name}/{version}"])
    def test_should_need_nothing_from_elsewhere(self, api: Api, served: list[ModelVersion], path: str) -> None:
        answer = api.get(path.format(name=NAME, version=served[0].version), **self.BROWSER)
        page = Seen(answer.text)
        assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
        assert all(address.startswith(("data:image/png;base64,", PREFIX)) for address in page.addresses)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; img-src data:;")
        assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]

    def test_should_show_scores_beside_those_of_the_version_that_decides(
        self, api: Api, served: list[ModelVersion]
    ) -> None:
        text_ = Seen(api.get(f"/ui/models/{NAME}/{served[0].version}", **self.BROWSER).text).text
        assert f"{served[1].version}, which decides" in text_

    def test_should_show_foreign_texts_as_text(self, api: Api, add: Any, state: Engine) -> None:
        card = {HOSTILE: {"note": HOSTILE, HOSTILE: [HOSTILE]}, "features": [{"name": HOSTILE, HOSTILE: 1.5}]}
        made = add(card=card, name=HOSTILE, features=(HOSTILE,))
        promote(state, made.name, made.version, cause="command", run_id=HOSTILE)
        for path in ("/ui/models", f"/ui/models/{quote(HOSTILE)}/{made.version}"):
            page = Seen(api.get(path, **self.BROWSER).text)
            assert "marquee" not in page.tags
            assert HOSTILE in page.text

    def test_should_say_what_is_lost_when_the_file_of_a_plot_is_gone(
        self, api: Api, served: list[ModelVersion]
    ) -> None:
        artefact_path(api.app.state.context.settings.models_dir, digest_of(PNG), ".png").unlink()
        page = Seen(api.get(f"/ui/models/{NAME}/{served[0].version}", **self.BROWSER).text)
        assert "img" not in page.tags
        assert "file is missing or another one: roc" in page.text
