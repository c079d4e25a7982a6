from __future__ import annotations

import pickle

import pytest

from include.errors import ConfigError
from include.metrika.client.transport import Transport, check_token
from include.settings import Secret


class TestCheckToken:
    @pytest.mark.parametrize("token", [None, Secret(""), Secret("  \n")])
    def test_should_name_the_setting_when_there_is_no_token(self, token: Secret | None) -> None:
        with pytest.raises(ConfigError, match="METRIKA_TOKEN or the connection metrika_default"):
            check_token(token)

    def test_should_strip_spaces_when_they_surround_it(self) -> None:
        assert check_token(Secret(" y0_abc\n")).value == "y0_abc"

    @pytest.mark.parametrize("text", ["a b", "a\nb", "токен", "a\x00b"])
    def test_should_refuse_when_no_header_can_carry_it(self, text: str) -> None:
        with pytest.raises(ConfigError, match="METRIKA_TOKEN holds"):
            check_token(Secret(text))


class TestTransport:
    @pytest.mark.parametrize("url", ["", "api-metrika.yandex.net", "ftp://host", "http://"])
    def test_should_name_the_setting_when_the_address_is_none(self, url: str) -> None:
        with pytest.raises(ConfigError, match="METRIKA_API_URL"):
            Transport(url, Secret("token"))

    def test_should_show_no_login_when_the_address_carries_one(self) -> None:
        assert Transport("http://user:word@host:81/x", Secret("token")).host == "host:81"

    def test_should_refuse_when_pickled(self) -> None:
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(Transport("http://host", Secret("token")))
