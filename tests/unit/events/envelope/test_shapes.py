from __future__ import annotations

from typing import Any

import pytest

from include.events.envelope.shapes import Shape, shape_of
from tests.sent_events import (
    activity,
    device,
    envelope,
    learning,
)


class TestShapeOf:
    @pytest.mark.parametrize(
        ("event", "shape"),
        [
            (learning(), Shape.LEARNING),
            (learning(event_type=...), Shape.LEARNING),
            (envelope(), Shape.ENVELOPE),
            (envelope(event_name=...), Shape.ENVELOPE),
            (device(), Shape.DEVICE),
            (device(event_name=...), Shape.DEVICE),
            (device(user_code=...), Shape.DEVICE),
            (activity(), Shape.ACTIVITY),
            (activity(action_type=..., id=...), Shape.ACTIVITY),
            ({}, Shape.ENVELOPE),
        ],
    )
    def test_should_tell_the_shape_from_what_is_there(self, event: dict[str, Any], shape: Shape) -> None:
        assert shape_of(event) is shape
