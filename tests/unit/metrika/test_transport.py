from __future__ import annotations

import pickle

import pytest

from include.errors import ConfigError
from include.metrika.client.transport import Transport, check_token, without_token
from include.secret import Secret


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


class TestWithoutToken:
    @pytest.mark.parametrize("token", ["t", "e", "1", "12", "1234", "count", "counter", "log_request"])
    def test_should_leave_an_answer_whole_when_the_token_is_part_of_its_words(self, token: str) -> None:
        body = b'{"counter": {"id": 12345, "time_zone_name": "Europe/Moscow"}, "log_request": [1, 12]}'
        assert without_token(body, Secret(token)) == body

    @pytest.mark.parametrize("token", ["y0_AgAAAABexample0123", "s3cret", "s3-cret"])
    def test_should_mask_the_token_when_the_server_repeats_it(self, token: str) -> None:
        assert token.encode() not in without_token(f'{{"message": "OAuth {token} is bad"}}'.encode(), Secret(token))

    def test_should_mask_a_long_token_when_it_is_part_of_a_word(self) -> None:
        assert b"y0_Ag" not in without_token(b"xy0_AgAAAABexample0123x", Secret("y0_AgAAAABexample0123"))


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
