from __future__ import annotations

import pytest

from include.api.api_settings import ApiSettings
from include.errors import ConfigError


class TestApiSettings:
    def test_should_accept_tokens_when_nothing_is_said(self) -> None:
        assert ApiSettings.from_env({}) == ApiSettings(True, "")

    @pytest.mark.parametrize(("text", "expected"), [("false", False), ("0", False), ("TRUE", True), ("yes", True)])
    def test_should_read_words_for_true_and_false(self, text: str, expected: bool) -> None:
        assert ApiSettings.from_env({"COUNTERFLOW_ACCEPT_BODY_TOKEN": text}).accept_body_token is expected

    def test_should_name_the_setting_when_it_cannot_be_read(self) -> None:
        with pytest.raises(ConfigError, match="COUNTERFLOW_ACCEPT_BODY_TOKEN"):
            ApiSettings.from_env({"COUNTERFLOW_ACCEPT_BODY_TOKEN": "maybe"})

    @pytest.mark.parametrize(
        ("public_url", "link"),
        [
            ("https://a.test/", "https://a.test/flow/x"),
            ("http://a.test:81/flow", "http://a.test:81/flow/x"),
            ("", "/flow/x"),
        ],
    )
    def test_should_link_to_the_public_address(self, public_url: str, link: str) -> None:
        settings = ApiSettings.from_env({"COUNTERFLOW_PUBLIC_URL": public_url})
        assert settings.link("/flow", "/x") == link
