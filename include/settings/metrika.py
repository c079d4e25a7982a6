"""Settings of the Metrika side: downloading logs, sending conversions, noticing drift."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from include.errors import ConfigError
from include.secret import Secret
from include.settings.reading import names, number, whole

METRIKA_API_URL = "https://api-metrika.yandex.net"


@dataclass(frozen=True)
class MetrikaSettings:
    """How to reach Metrika and how to treat what it sends.

    Attributes:
        token: OAuth token; None when not given.
        counter_ids: counters to work on, in order.
        api_url: base address without a trailing slash.
        visit_fields: extra ``ym:s:`` fields to load beside the required ones.
        hit_fields: extra ``ym:pv:`` fields.
        quotes: how double quotes in text fields are read: auto, raw or wrapped.
        reload_days: how many days before the asked one a daily run loads again.
        quarantine_share: share of unusable rows (0-1) above which a load fails.
        poll_seconds: first wait between status polls; grows to poll_max_seconds.
        poll_max_seconds: longest wait between polls.
        deadline_seconds: how long a log request may take in all.
    """

    token: Secret | None = None
    counter_ids: tuple[int, ...] = ()
    api_url: str = METRIKA_API_URL
    visit_fields: tuple[str, ...] = ()
    hit_fields: tuple[str, ...] = ()
    quotes: str = "auto"
    reload_days: int = 3
    quarantine_share: float = 0.01
    poll_seconds: float = 10.0
    poll_max_seconds: float = 60.0
    deadline_seconds: float = 4 * 3600.0


@dataclass(frozen=True)
class ConversionSettings:
    """How conversions are built and followed.

    Attributes:
        target: goal identifier of level 4+ visits.
        time_offset_seconds: 0-60, added to the conversion time but not to the ledger key.
        max_file_rows: rows per uploaded file.
        create_goal: create the goal when Metrika does not have it.
        linked_share_alert: share of linked rows (0-1) under which tracking warns.
        track_hours: how long an upload is followed before it is given up as unknown.
        retry_linkage_hours: wait before a LINKAGE_FAILURE batch is sent again.
    """

    target: str = "4plus"
    time_offset_seconds: int = 0
    max_file_rows: int = 1_000_000
    create_goal: bool = False
    linked_share_alert: float = 0.5
    track_hours: float = 24.0
    retry_linkage_hours: float = 24.0


@dataclass(frozen=True)
class DriftSettings:
    """What is done about a day that is unlike the days before.

    Attributes:
        blocks: hold the day's conversions until a person approves; otherwise only report.
        level: share of days (0-1) on which equal distributions may raise an alarm.
        floor_psi: smallest change worth an alarm, population stability index.
    """

    blocks: bool = False
    level: float = 0.01
    floor_psi: float = 0.1


def metrika_from(env: Mapping[str, str]) -> MetrikaSettings:
    """Read the settings of the Metrika side.

    Args:
        env: names and values.

    Returns:
        The settings.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    quotes = env.get("METRIKA_QUOTES") or "auto"
    if quotes not in ("auto", "raw", "wrapped"):
        raise ConfigError(f"METRIKA_QUOTES is {quotes!r}; use auto, raw or wrapped.")
    token = env.get("METRIKA_TOKEN")
    return MetrikaSettings(
        token=Secret(token) if token else None,
        counter_ids=parse_counters(env.get("METRIKA_COUNTER") or ""),
        api_url=(env.get("METRIKA_API_URL") or METRIKA_API_URL).rstrip("/"),
        visit_fields=names(env.get("METRIKA_VISIT_FIELDS")),
        hit_fields=names(env.get("METRIKA_HIT_FIELDS")),
        quotes=quotes,
        reload_days=whole(env, "METRIKA_RELOAD_DAYS", 3, 0, 30),
        quarantine_share=number(env, "METRIKA_QUARANTINE_SHARE", 0.01, 0, 1),
        poll_seconds=number(env, "METRIKA_POLL_SECONDS", 10, 0.01, 3600),
        poll_max_seconds=number(env, "METRIKA_POLL_MAX_SECONDS", 60, 0.01, 3600),
        deadline_seconds=number(env, "METRIKA_DEADLINE_SECONDS", 4 * 3600, 1, 7 * 86400),
    )


def conversions_from(env: Mapping[str, str]) -> ConversionSettings:
    """Read the settings of conversions.

    Args:
        env: names and values.

    Returns:
        The settings.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    return ConversionSettings(
        target=env.get("CONVERSION_TARGET") or "4plus",
        time_offset_seconds=whole(env, "CONVERSION_TIME_OFFSET_SECONDS", 0, 0, 60),
        max_file_rows=whole(env, "CONVERSION_MAX_FILE_ROWS", 1_000_000, 1, 10_000_000),
        create_goal=(env.get("CONVERSION_CREATE_GOAL") or "").lower() in ("1", "true", "yes"),
        linked_share_alert=number(env, "CONVERSION_LINKED_SHARE_ALERT", 0.5, 0, 1),
        track_hours=number(env, "CONVERSION_TRACK_HOURS", 24, 0, 21 * 24),
        retry_linkage_hours=number(env, "CONVERSION_RETRY_LINKAGE_HOURS", 24, 0, 21 * 24),
    )


def drift_from(env: Mapping[str, str]) -> DriftSettings:
    """Read the settings of drift.

    Args:
        env: names and values.

    Returns:
        The settings.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    action = env.get("COUNTERFLOW_DRIFT_ACTION") or "report"
    if action not in ("report", "block"):
        raise ConfigError(f"COUNTERFLOW_DRIFT_ACTION is {action!r}; use report or block.")
    level = number(env, "COUNTERFLOW_DRIFT_LEVEL", 0.01, 0, 1)
    floor_psi = number(env, "COUNTERFLOW_DRIFT_PSI", 0.1, 0, 10)
    return DriftSettings(action == "block", level, floor_psi)


def parse_counters(text: str) -> tuple[int, ...]:
    """Read one counter id or a comma list.

    Args:
        text: for example ``"101,202"``; empty means none.

    Returns:
        The ids in order, each once.

    Raises:
        ConfigError: an entry is not a positive whole number.
    """
    ids: dict[int, None] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        if not entry.isascii() or not entry.isdigit() or int(entry) == 0:
            raise ConfigError(f"METRIKA_COUNTER holds {entry!r}; a counter is a positive whole number.")
        ids[int(entry)] = None
    return tuple(ids)
