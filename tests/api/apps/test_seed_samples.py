"""H2: the requests of the mobile seed as written, prefix added, the 5-character password replaced."""

from __future__ import annotations

import uuid

from tests.api_client import Api

SIGNUP = """{"name": "theUser", "surname": "James", "email": "%s", "password": "12345678", "phone": "12345"}"""
CREATE = """{
  "app_name": "electronic-shop"
}"""
EVENTS = """{
  "events": [
    {
      "name": "number of product views",
      "attrs": [
        {
        "name": "product_name",
        "type": "string"
        },
        {
        "name": "quantity",
        "type": "integer"
        }
      ]
    }
  ]
}"""
JSON = {"Content-Type": "application/json"}


class TestMobileSeed:
    def test_should_answer_as_the_seed_says(self, api: Api) -> None:
        signup = SIGNUP % f"{uuid.uuid4().hex}@email.com"
        signed = api.post("/auth/signup", token=None, content=signup, headers=JSON)
        assert (signed.status_code, "jwt_token" in signed.json()) == (200, True)
        token = signed.json()["jwt_token"]

        created = api.post("/app/create", token=token, content=CREATE, headers=JSON)
        assert (created.status_code, set(created.json())) == (200, {"api_token", "app_code"})
        app_code = created.json()["app_code"]
        assert app_code.startswith("electronic-shop-")

        again = api.post("/app/create", token=token, content=CREATE, headers=JSON)
        assert again.status_code == 400

        events = api.post(f"/app/create_event/{app_code}", token=token, content=EVENTS, headers=JSON)
        assert (events.status_code, {"event_code", "app_code"} <= set(events.json())) == (200, True)
        assert events.json()["event_code"].startswith("number_of_product_views-")

        shown = api.get(f"/apps/{app_code}", token=token)
        assert (shown.status_code, {"api_token", "app_code"} <= set(shown.json())) == (200, True)
        assert shown.json()["api_token"].endswith("_********")
