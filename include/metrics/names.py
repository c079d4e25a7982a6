"""Names of the six learning metrics and their versions, as people write them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from include.errors import InputError

VERSIONS = (1, 2)
ALL_VERSIONS = "all"


class Metric(StrEnum):
    """The metrics, under the names they are stored with."""

    RETENTION = "retention"
    ENGAGEMENT_SCORE = "engagement_score"
    COMPLETION_RATE = "completion_rate"
    TIME_ON_TASK = "time_on_task"
    ACTIVITY_INDEX = "activity_index"
    FOCUS_RATIO = "focus_ratio"


ALIASES = {"engagement": Metric.ENGAGEMENT_SCORE, "completion": Metric.COMPLETION_RATE}


def parse_metrics(names: Iterable[str] | None) -> tuple[Metric, ...]:
    """Read the metrics somebody asks for.

    Args:
        names: stored names or aliases, in any order, also repeated; none, or None, means all six.

    Returns:
        The metrics, each once, in the order of the catalogue.

    Raises:
        InputError: a name is no metric (code ``unknown_metric``).

    >>> parse_metrics(["focus_ratio", "completion"])
    (<Metric.COMPLETION_RATE: 'completion_rate'>, <Metric.FOCUS_RATIO: 'focus_ratio'>)
    """
    wanted = {_metric(name) for name in names or ()}
    return tuple(metric for metric in Metric if metric in wanted or not wanted)


def parse_versions(text: str | int | None, default: int) -> tuple[int, ...]:
    """Read the version somebody asks for.

    Args:
        text: 1, 2 or ``all``; None for the default.
        default: version when none is named.

    Returns:
        The versions.

    Raises:
        InputError: there is no such version (code ``version_unknown``).

    >>> parse_versions("all", 1)
    (1, 2)
    """
    if text is None:
        return (default,)
    if str(text) == ALL_VERSIONS:
        return VERSIONS
    found = tuple(version for version in VERSIONS if str(version) == str(text))
    if not found:
        raise InputError(
            f"There is no version {str(text)[:20]!r} of the metrics; use 1, 2 or all.",
            code="version_unknown",
            pointer="/version",
        )
    return found


def _metric(name: str) -> Metric:
    if name in ALIASES:
        return ALIASES[name]
    try:
        return Metric(name)
    except ValueError:
        known = ", ".join(Metric)
        raise InputError(
            f"{name[:40]!r} is no metric; use {known}.", code="unknown_metric", pointer="/metrics"
        ) from None
