from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.api_client import Api
from tests.signed_people import OwnApp, created_app

VIEWS = {
    "name": "number of product views",
    "attrs": [{"name": "product_name", "type": "string"}, {"name": "quantity", "type": "integer"}],
}


@pytest.fixture
def own(api: Api) -> OwnApp:
    return created_app(api)


def register(api: Api, app: OwnApp, *events: Any) -> Any:
    return api.post(f"/app/create_event/{app.app_code}", json={"events": list(events)})


def attribute(**fields: Any) -> dict[str, Any]:
    return {"name": "tap", "attrs": [{"name": "a", **fields}]}


class TestRegister:
    def test_should_answer_with_every_event_and_the_first_code(self, api: Api, own: OwnApp) -> None:
        body = register(api, own, VIEWS, {"name": "Tap!"}).json()
        first, second = body["events"]
        assert (body["event_code"], body["app_code"]) == (first["event_code"], own.app_code)
        assert first["event_code"].removeprefix("number_of_product_views-") == str(uuid.UUID(first["event_code"][-36:]))
        assert {**second, "event_code": ""} == {
            "name": "Tap!", "event_name": "tap", "event_code": "", "version": 1, "created": True,
        }  # fmt: skip

    @pytest.mark.parametrize("name", ["number of product views", "Number-Of-Product VIEWS", "number_of_product_views"])
    def test_should_change_nothing_when_it_is_registered_alike(self, api: Api, own: OwnApp, name: str) -> None:
        first = register(api, own, VIEWS).json()
        attrs = [*reversed(VIEWS["attrs"])]  # type: ignore[call-overload]
        again = register(api, own, {"name": name, "attrs": attrs}).json()
        assert again["event_code"] == first["event_code"]
        assert (again["events"][0]["version"], again["events"][0]["created"]) == (1, False)
        assert api.get(f"/apps/{own.app_code}").json()["schema_revision"] == 1

    def test_should_make_the_next_version_when_it_is_widened(self, api: Api, own: OwnApp) -> None:
        first = register(api, own, VIEWS).json()
        wider = {"name": "number of product views", "attrs": [
            {"name": "colour", "type": "enum", "values": ["red"]},
            {"name": "quantity", "type": "number"},
            {"name": "product_name", "type": "string", "max_length": 2048},
        ]}  # fmt: skip
        again = register(api, own, wider).json()
        assert again["event_code"] == first["event_code"]
        assert (again["events"][0]["version"], again["events"][0]["created"]) == (2, False)

    def test_should_answer_409_naming_each_attribute_and_register_nothing(self, api: Api, own: OwnApp) -> None:
        register(api, own, VIEWS, attribute(type="string"))
        narrower = {"name": "number of product views", "attrs": [
            {"name": "quantity", "type": "string"}, {"name": "shop", "type": "string", "required": True},
        ]}  # fmt: skip
        answer = register(api, own, {"name": "new one"}, narrower, attribute(type="boolean"))
        assert (answer.status_code, answer.json()["code"]) == (409, "incompatible_schema")
        for named in ("views.product_name:", "views.quantity:", "views.shop:", "tap.a:"):
            assert named in answer.json()["detail"]
        body = api.get(f"/apps/{own.app_code}/schema").json()
        assert [(item["event_name"], item["version"]) for item in body["items"]] == [
            ("number_of_product_views", 1), ("tap", 1),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("event", "code", "pointer"),
        [
            (attribute(type="text"), "unknown_type", "/events/0/attrs/0/type"),
            (attribute(type="Integer"), "unknown_type", "/events/0/attrs/0/type"),
            (attribute(type=None), "unknown_type", "/events/0/attrs/0/type"),
            (attribute(type=["string"]), "unknown_type", "/events/0/attrs/0/type"),
            (attribute(), "missing", "/events/0/attrs/0/type"),
            (attribute(type="enum"), "bad_values", "/events/0/attrs/0"),
            (attribute(type="enum", values=[]), "too_short", "/events/0/attrs/0/values"),
            (attribute(type="enum", values=["a", "a"]), "bad_values", "/events/0/attrs/0"),
            (attribute(type="enum", values=["a", 1]), "bad_value", "/events/0/attrs/0/values/1"),
            (attribute(type="enum", values=[str(n) for n in range(201)]), "too_long", "/events/0/attrs/0/values"),
            (attribute(type="string", values=["a"]), "bad_values", "/events/0/attrs/0"),
            (attribute(type="integer", max_length=5), "bad_max_length", "/events/0/attrs/0"),
            (attribute(type="string", max_length=0), "greater_than_equal", "/events/0/attrs/0/max_length"),
            (attribute(type="string", max_length="9"), "int_type", "/events/0/attrs/0/max_length"),
            (attribute(type="string", required="yes"), "bool_type", "/events/0/attrs/0/required"),
            (attribute(type="string", default=1), "unknown_field", "/events/0/attrs/0/default"),
            ({"name": "tap", "attrs": [{"name": "", "type": "string"}]}, "bad_name", "/events/0/attrs/0/name"),
            ({"name": "tap", "attrs": [{"name": "a b", "type": "string"}]}, "bad_name", "/events/0/attrs/0/name"),
            ({"name": "tap", "attrs": [{"name": "a" * 65, "type": "string"}]}, "bad_name", "/events/0/attrs/0/name"),
            ({"name": "!!"}, "bad_name", "/events/0/name"),
            ({"name": ""}, "bad_name", "/events/0/name"),
            ({"name": "a" * 101}, "bad_name", "/events/0/name"),
            ({"name": 7}, "bad_name", "/events/0/name"),
            ({"name": "a\u0001b"}, "bad_name", "/events/0/name"),
            ({}, "missing", "/events/0/name"),
            ("tap", "model_attributes_type", "/events/0"),
            ({"name": "tap", "attrs": [{"name": f"a{n}", "type": "string"} for n in range(101)]}, "too_long",
             "/events/0/attrs"),
            ({"name": "tap", "attrs": [{"name": "a", "type": "string"}, {"name": "a", "type": "integer"}]},
             "duplicate_attribute", "/events/0/attrs/1/name"),
        ],
    )  # fmt: skip
    def test_should_answer_422_with_a_pointer(self, api: Api, own: OwnApp, event: Any, code: str, pointer: str) -> None:
        answer = register(api, own, event)
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"], error["pointer"]) == (422, code, pointer)

    @pytest.mark.parametrize("names", [("tap", "TAP!"), ("view page", "Page View")], ids=["spelling", "alias"])
    def test_should_answer_422_when_one_call_lists_an_event_twice(
        self, api: Api, own: OwnApp, names: tuple[str, str]
    ) -> None:
        answer = register(api, own, {"name": "x"}, *({"name": name} for name in names))
        error = answer.json()["errors"][0]
        assert (answer.status_code, error["code"], error["pointer"]) == (422, "duplicate_event", "/events/2/name")
        assert "1 and 2" in error["message"]
        assert api.get(f"/apps/{own.app_code}/schema").json()["total"] == 0

    @pytest.mark.parametrize("count", [0, 101])
    def test_should_answer_422_when_a_call_has_no_or_too_many_events(self, api: Api, own: OwnApp, count: int) -> None:
        answer = register(api, own, *({"name": f"tap {n}"} for n in range(count)))
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/events")

    def test_should_take_a_hundred_events_of_a_hundred_attributes(self, api: Api, own: OwnApp) -> None:
        attrs = [{"name": f"a{n}", "type": "integer"} for n in range(100)]
        answer = register(api, own, *({"name": f"tap {n}", "attrs": attrs} for n in range(100)))
        assert (answer.status_code, len(answer.json()["events"])) == (200, 100)

    def test_should_register_an_alias_as_the_event_it_stands_for(self, api: Api, own: OwnApp) -> None:
        assert register(api, own, {"name": "view page"}).json()["events"][0]["event_name"] == "page_view"

    def test_should_let_operators_register_events_of_the_default_project(self, api: Api) -> None:
        name = f"e{uuid.uuid4().hex}"
        assert api.post("/app/create_event/default", json={"events": [{"name": name}]}).status_code == 200


class TestSchema:
    def test_should_show_every_version_the_newest_first(self, api: Api, own: OwnApp) -> None:
        register(api, own, VIEWS)
        code = register(api, own, {**VIEWS, "attrs": [*VIEWS["attrs"], {"name": "at", "type": "datetime"}]}).json()  # type: ignore[misc]
        (event,) = api.get(f"/apps/{own.app_code}/schema?event_code={code['event_code']}").json()["items"]
        assert (event["name"], event["version"]) == ("number of product views", 2)
        assert [(found["version"], len(found["attributes"])) for found in event["versions"]] == [(2, 3), (1, 2)]
        assert event["versions"][1]["attributes"] == [
            {"name": "product_name", "type": "string", "required": False, "max_length": 1024},
            {"name": "quantity", "type": "integer", "required": False},
        ]

    @pytest.mark.parametrize(("mode", "is_valid"), [("strict", False), ("lenient", True)])
    def test_should_give_json_schemas_that_judge_as_the_mode_does(self, api: Api, mode: str, is_valid: bool) -> None:
        own = created_app(api, mode=mode)
        register(api, own, VIEWS)
        (event,) = api.get(f"/apps/{own.app_code}/schema").json()["items"]
        document = event["versions"][0]["json_schema"]
        Draft202012Validator.check_schema(document)
        judge = Draft202012Validator(document)
        assert judge.is_valid({"product_name": "diode", "quantity": 2, "gone": None})
        assert not judge.is_valid({"quantity": "2"})
        assert judge.is_valid({"more": 1}) == is_valid

    def test_should_page_by_name(self, api: Api, own: OwnApp) -> None:
        register(api, own, *({"name": name} for name in ("c", "a", "b")))
        body = api.get(f"/apps/{own.app_code}/schema?limit=2&offset=1").json()
        assert [item["event_name"] for item in body["items"]] == ["b", "c"]
        assert (body["total"], body["has_more"], body["mode"], body["schema_revision"]) == (3, False, "lenient", 1)

    def test_should_grow_the_revision_with_every_change(self, api: Api, own: OwnApp) -> None:
        revisions = []
        for event in (VIEWS, VIEWS, {"name": "b"}, {"name": "b", "attrs": [{"name": "x", "type": "boolean"}]}):
            register(api, own, event)
            revisions.append(api.get(f"/apps/{own.app_code}/schema").json()["schema_revision"])
        assert revisions == [1, 1, 2, 3]

    def test_should_answer_the_same_document_when_asked_twice(self, api: Api, own: OwnApp) -> None:
        register(api, own, VIEWS)
        path = f"/apps/{own.app_code}/schema"
        assert json.dumps(api.get(path).json()) == json.dumps(api.get(path).json())
