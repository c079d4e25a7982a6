from __future__ import annotations

import datetime as dt
import re

from include.api.gate.idempotency import Claim
from include.api.tasks.jobs import new_task_id, upload_id_of
from include.api.tasks.task_rows import digest_of

CLAIM = Claim(dt.datetime(2025, 7, 2, 1, 2, 3, tzinfo=dt.UTC), "9f3c2a10aabb")


class TestNewTaskId:
    def test_should_be_safe_in_an_address(self) -> None:
        assert re.fullmatch(r"api__visits__\d{8}T\d{6}Z__[0-9a-f]{8}", new_task_id("visits", None))

    def test_should_be_equal_for_every_try_when_a_key_is_held(self) -> None:
        assert new_task_id("visits", CLAIM) == "api__visits__20250702T010203Z__9f3c2a10"

    def test_should_differ_when_no_key_is_held(self) -> None:
        assert len({new_task_id("visits", None) for _ in range(100)}) == 100


class TestUploadIdOf:
    def test_should_be_equal_when_the_task_is(self) -> None:
        assert upload_id_of("a") == upload_id_of("a") != upload_id_of("b")


class TestDigestOf:
    def test_should_not_depend_on_the_order_of_parameters(self) -> None:
        assert digest_of("visits", {"a": 1, "b": 2}) == digest_of("visits", {"b": 2, "a": 1})

    def test_should_differ_when_kind_or_value_does(self) -> None:
        digests = {digest_of("visits", {"a": 1}), digest_of("visits", {"a": 2}), digest_of("conversions", {"a": 1})}
        assert len(digests) == 3
