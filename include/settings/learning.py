"""Settings of learning metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from include.errors import ConfigError
from include.settings.reading import number, whole

EXACT, UNBOUNDED = "exact", "unbounded"
ASSIGNED, ALL = "assigned", "all"


@dataclass(frozen=True)
class LearningSettings:
    """How learning metrics are calculated and who may read them.

    Attributes:
        default_version: version answered when nobody asks for one, 1 or 2.
        retention_days: n of version 2 of retention: days from the first active day.
        retention_kind: ``exact`` (active on day n) or ``unbounded`` (on day n or later).
        grace_hours: how long after its end a period may still change without a restatement.
        teacher_scope: ``assigned`` (a teacher reads own courses) or ``all`` (every course).
        sample_persons: people of each course whose values every run calculates a second time with pandas.
    """

    default_version: int = 1
    retention_days: int = 7
    retention_kind: str = EXACT
    grace_hours: float = 48.0
    teacher_scope: str = ASSIGNED
    sample_persons: int = 50


def learning_from(env: Mapping[str, str]) -> LearningSettings:
    """Read the settings of learning metrics.

    Args:
        env: names and values.

    Returns:
        The settings.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    return LearningSettings(
        default_version=whole(env, "METRICS_DEFAULT_VERSION", 1, 1, 2),
        retention_days=whole(env, "METRICS_RETENTION_DAYS", 7, 1, 365),
        retention_kind=_one_of(env, "METRICS_RETENTION_KIND", (EXACT, UNBOUNDED)),
        grace_hours=number(env, "METRICS_GRACE_HOURS", 48, 0, 24 * 90),
        teacher_scope=_one_of(env, "METRICS_TEACHER_SCOPE", (ASSIGNED, ALL)),
        sample_persons=whole(env, "METRICS_SAMPLE_PERSONS", 50, 1, 10_000),
    )


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    text = env.get(name) or allowed[0]
    if text not in allowed:
        raise ConfigError(f"{name} is {text!r}; use {' or '.join(allowed)}.")
    return text
