from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.sent_events import (
    accepted,
    device,
    learning,
    rejected,
)


class TestLimits:
    """E8: the borders of the sizes, on both sides."""

    def _sized(self, payload_bytes: int) -> Any:
        return learning(event_type="unheard of", payload={"x": "a" * (payload_bytes - len('{"x":""}'))})

    def test_should_accept_attributes_of_32_kib_and_reject_a_byte_more(self) -> None:
        accepted(self._sized(32 * 1024))
        assert rejected(self._sized(32 * 1024 + 1)).pointer == "/events/0/payload"

    def test_should_count_bytes_when_characters_take_several(self) -> None:
        accepted(learning(payload={"x": "é" * 16_380}))
        assert rejected(learning(payload={"x": "é" * 16_381})).code == "event_too_large"

    def test_should_judge_an_event_of_64_kib_by_its_parts_and_refuse_a_byte_more_as_a_whole(self) -> None:
        spare_bytes = 64 * 1024 - len(_compact(learning(payload={"x": ""})))
        assert rejected(learning(payload={"x": "a" * spare_bytes})).pointer == "/events/0/payload"
        assert rejected(learning(payload={"x": "a" * (spare_bytes + 1)})).pointer == "/events/0"

    def test_should_accept_a_context_of_8_kib_and_reject_a_byte_more(self) -> None:
        spare_bytes = 8 * 1024 - len('{"x":""}')
        accepted(device(context={"x": "a" * spare_bytes}))
        assert rejected(device(context={"x": "a" * (spare_bytes + 1)})).pointer == "/events/0/context"

    def test_should_accept_200_attributes(self) -> None:
        accepted(learning(payload={str(number): 1 for number in range(200)}))
        accepted(device(event_name="page view", attrs=[{"name": str(number), "value": 1} for number in range(200)]))

    @pytest.mark.parametrize("payload", [{"x": [[[[1]]]]}, {"a": {"b": {"c": {"d": 1}}}}])
    def test_should_accept_attributes_5_levels_deep(self, payload: Any) -> None:
        accepted(learning(payload=payload))


def _compact(event: Any) -> bytes:
    return orjson.dumps(event)
