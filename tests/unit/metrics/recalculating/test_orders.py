"""Orders refuse what cannot be done."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from include.errors import InputError
from include.metrics.names import Metric
from include.metrics.recalculating.orders import Order

DAY = dt.date(2025, 3, 3)
START = dt.datetime(2025, 3, 3, tzinfo=dt.UTC)


def shifted(days: float) -> dt.datetime:
    return START + dt.timedelta(days=days)


class TestOrder:
    def test_should_want_everything_when_nothing_is_named(self) -> None:
        order = Order(days=(DAY,))
        assert (order.chosen_metrics, order.chosen_versions) == (tuple(Metric), (1, 2))

    def test_should_keep_the_order_of_the_catalogue_when_metrics_are_named(self) -> None:
        order = Order(days=(DAY,), metrics=("focus_ratio", "retention"), versions=(2, 1))
        assert (order.chosen_metrics, order.chosen_versions) == ((Metric.RETENTION, Metric.FOCUS_RATIO), (1, 2))

    def test_should_take_a_year_when_it_is_not_longer(self) -> None:
        assert Order(days=(DAY, DAY + dt.timedelta(days=365))).days
        assert Order(bounds=(START, shifted(366))).bounds

    @pytest.mark.parametrize(
        ("order", "code", "pointer"),
        [
            ({"days": (DAY,), "metrics": ("grade",)}, "unknown_metric", "/metrics"),
            ({"days": (DAY,), "versions": (3,)}, "version_unknown", "/version"),
            ({"days": (DAY,), "cause": "late_data"}, "unknown_cause", "/cause"),
            ({"metrics": ("retention",)}, "conflicting_input", "/metrics"),
            ({"versions": (1,)}, "conflicting_input", "/metrics"),
            ({"cause": "deletion"}, "conflicting_input", "/metrics"),
            ({"days": (DAY,), "bounds": (START, shifted(1))}, "bad_period", "/period_start"),
            ({"days": (DAY, DAY + dt.timedelta(days=366))}, "bad_period", "/days"),
            ({"bounds": (START, START)}, "bad_period", "/period_end"),
            ({"bounds": (shifted(1), START)}, "bad_period", "/period_end"),
            ({"bounds": (START, shifted(366.1))}, "bad_period", "/period_end"),
            ({"bounds": (START.replace(tzinfo=None), shifted(1))}, "bad_time", "/period_start"),
        ],
        ids=lambda one: one if isinstance(one, str) else None,
    )
    def test_should_refuse_with_a_code_when_an_order_contradicts_itself(
        self, order: dict[str, Any], code: str, pointer: str
    ) -> None:
        with pytest.raises(InputError) as caught:
            Order(**order)
        assert (caught.value.code, caught.value.pointer) == (code, pointer)
        assert caught.value.message.endswith(".")
