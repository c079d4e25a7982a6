from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from include.provenance.passport.shapes import instant, jsonable


class TestJsonable:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            (2**53, 2**53),
            (2**53 + 1, str(2**53 + 1)),
            (-(2**60), str(-(2**60))),
            (True, True),
            (None, None),
            (0.1 + 0.2, 0.1 + 0.2),
            (Decimal("1.50"), "1.50"),
            (dt.date(2025, 7, 1), "2025-07-01"),
            (dt.datetime(2025, 7, 1, 3, tzinfo=dt.timezone(dt.timedelta(hours=3))), "2025-07-01T00:00:00.000Z"),
            ([2**63, 1], [str(2**63), 1]),
        ],
    )
    def test_should_keep_values_whole(self, value: Any, written: Any) -> None:
        assert jsonable(value) == written
        assert json.loads(json.dumps(jsonable(value))) == written


class TestInstant:
    def test_should_cut_digits_beyond_milliseconds(self) -> None:
        assert instant(dt.datetime(2025, 7, 1, 12, 0, 0, 999_999, tzinfo=dt.UTC)) == "2025-07-01T12:00:00.999Z"

    def test_should_be_nothing_when_there_is_none(self) -> None:
        assert instant(None) is None
