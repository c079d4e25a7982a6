"""Browsers of other sites, packed bodies, and the key that signs tokens."""

from __future__ import annotations

import gzip
import stat
from pathlib import Path

import pytest

from include.errors import ConfigError
from tests.api_client import PREFIX, Api, InMemoryOrchestrator

LISTED, OTHER = "https://shop.example", "https://evil.example"
ASKING = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}


class TestOrigins:
    def test_should_answer_the_preflight_of_listed_sites_alone(self, api_environ: dict[str, str]) -> None:
        api = Api(InMemoryOrchestrator(), {**api_environ, "COUNTERFLOW_CORS_ORIGINS": LISTED})
        answers = [
            api.client.options(f"{PREFIX}/auth/login", headers={"Origin": origin, **ASKING})
            for origin in (LISTED, OTHER)
        ]
        api.close()
        assert [answer.status_code for answer in answers] == [200, 401]
        assert answers[0].headers["access-control-allow-origin"] == LISTED
        assert "access-control-allow-credentials" not in answers[0].headers
        assert "access-control-allow-origin" not in answers[1].headers

    def test_should_answer_no_preflight_when_no_site_is_listed(self, api: Api) -> None:
        answer = api.client.options(f"{PREFIX}/auth/login", headers={"Origin": LISTED, **ASKING})
        assert answer.status_code == 401


class TestPackedBodies:
    """E8: small bodies that unpack to large ones, and damaged ones."""

    HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}  # noqa: RUF012 - never changed

    def test_should_stop_at_the_limit_when_a_small_body_unpacks_to_a_large_one(self, api: Api) -> None:
        bomb = gzip.compress(b" " * 60_000_000, mtime=0)
        answer = api.post("/api/v1/events", content=bomb, headers=self.HEADERS)
        assert (answer.status_code, "5242880" in answer.json()["detail"]) == (413, True)

    @pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b'{"events": []}', mtime=0)[:-4]])
    def test_should_answer_400_when_the_packing_is_damaged(self, api: Api, body: bytes) -> None:
        assert api.post("/api/v1/events", content=body, headers=self.HEADERS).status_code == 400

    def test_should_answer_415_when_another_packing_is_used(self, api: Api) -> None:
        for path, encoding in (("/api/v1/events", "br"), ("/auth/login", "gzip")):
            headers = {"Content-Type": "application/json", "Content-Encoding": encoding}
            assert api.post(path, content=b"{}", headers=headers).status_code == 415


class TestSigningKey:
    def test_should_be_kept_for_the_owner_alone_when_none_is_set(self, api: Api, api_environ: dict[str, str]) -> None:
        path = Path(api_environ["COUNTERFLOW_LOCAL_DIR"]) / "secret_key"
        other = Api(api.orchestrator, api_environ)
        token = api.person().token
        assert other.get("/auth/me", token=token).status_code == 200
        other.close()
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    @pytest.mark.parametrize("key", ["short", "change-me-change-me-change-me-change-me"])
    def test_should_stop_the_start_when_it_is_weak(self, api_environ: dict[str, str], key: str) -> None:
        with pytest.raises(ConfigError, match="SECRET_KEY"):
            Api(InMemoryOrchestrator(), {**api_environ, "SECRET_KEY": key})
