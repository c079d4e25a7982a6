"""Settings of event intake: limits, how long things are kept, and the transport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from include.errors import ConfigError
from include.secret import Secret
from include.settings.reading import number, whole

INBOX, KAFKA = "inbox", "kafka"
TOPIC = "analytics-data.raw"  # as the seed document names it
KAFKA_MODULE, KAFKA_PACKAGE = "confluent_kafka", "confluent-kafka"  # optional: wanted only by the transport kafka
PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


@dataclass(frozen=True)
class KafkaSettings:
    """How to reach the broker; used only when the transport is ``kafka``.

    Attributes:
        servers: bootstrap servers, ``host:port`` comma list.
        topic: topic of raw events.
        security_protocol: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL.
        sasl_mechanism: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty without SASL.
        username: SASL login; empty without.
        password: its password, or None.
        ca_file: certificates that vouch for the broker, PEM; empty for those of the system.
    """

    servers: str = ""
    topic: str = TOPIC
    security_protocol: str = "PLAINTEXT"
    sasl_mechanism: str = ""
    username: str = ""
    password: Secret | None = None
    ca_file: str = ""


@dataclass(frozen=True)
class IntakeSettings:
    """How events are taken in.

    Attributes:
        events_table: ClickHouse table of raw events.
        transport: ``inbox`` (PostgreSQL) or ``kafka`` for the device route.
        kafka: the broker.
        key_requests_per_second: requests one key may send per second and API process; twice that in a burst.
        key_events_per_second: events one key may send per second and API process; twice that in a burst.
        inbox_max_bytes: waiting payload above which intake answers 503.
        inbox_max_events: waiting events above which intake answers 503.
        load_max_events: events of one load.
        seen_days: how long ids, answers and keys of repeated requests are remembered.
        receipt_days: how long receipts are kept.
        quarantine_days: how long rejected events wait for a replay before they are discarded.
    """

    events_table: str = "events"
    transport: str = INBOX
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    key_requests_per_second: float = 50.0
    key_events_per_second: float = 5_000.0
    inbox_max_bytes: int = 2 * 1024**3
    inbox_max_events: int = 5_000_000
    load_max_events: int = 500_000
    seen_days: float = 7.0
    receipt_days: float = 90.0
    quarantine_days: float = 30.0


def intake_from(env: Mapping[str, str]) -> IntakeSettings:
    """Read the settings of intake.

    Args:
        env: names and values.

    Returns:
        The settings.

    Raises:
        ConfigError: a value cannot be used; the message names the setting.
    """
    transport = env.get("EVENTS_TRANSPORT") or INBOX
    if transport not in (INBOX, KAFKA):
        raise ConfigError(f"EVENTS_TRANSPORT is {transport!r}; use {INBOX} or {KAFKA}.")
    kafka = _kafka_from(env)
    if transport == KAFKA:
        _require_kafka(kafka)
    return IntakeSettings(
        events_table=env.get("CLICKHOUSE_EVENTS_TABLE") or "events",
        transport=transport,
        kafka=kafka,
        key_requests_per_second=number(env, "EVENTS_KEY_REQUESTS_PER_SECOND", 50, 0.1, 1e6),
        key_events_per_second=number(env, "EVENTS_KEY_EVENTS_PER_SECOND", 5_000, 0.1, 1e9),
        inbox_max_bytes=whole(env, "EVENTS_INBOX_MAX_BYTES", 2 * 1024**3, 1, 2**50),
        inbox_max_events=whole(env, "EVENTS_INBOX_MAX_EVENTS", 5_000_000, 1, 2**40),
        load_max_events=whole(env, "EVENTS_LOAD_MAX_EVENTS", 500_000, 1, 10_000_000),
        seen_days=number(env, "EVENTS_SEEN_DAYS", 7, 0.01, 90),
        receipt_days=number(env, "EVENTS_RECEIPT_DAYS", 90, 7, 3650),
        quarantine_days=number(env, "EVENTS_QUARANTINE_DAYS", 30, 1, 365),
    )


def _kafka_from(env: Mapping[str, str]) -> KafkaSettings:
    password = env.get("KAFKA_PASSWORD")
    return KafkaSettings(
        servers=env.get("KAFKA_BOOTSTRAP_SERVERS") or "",
        topic=env.get("EVENTS_TOPIC") or TOPIC,
        security_protocol=_one_of(env, "KAFKA_SECURITY_PROTOCOL", PROTOCOLS) or PROTOCOLS[0],
        sasl_mechanism=_one_of(env, "KAFKA_SASL_MECHANISM", MECHANISMS),
        username=env.get("KAFKA_USERNAME") or "",
        password=Secret(password) if password else None,
        ca_file=env.get("KAFKA_CA_FILE") or "",
    )


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...]) -> str:
    text = env.get(name) or ""
    if text and text not in allowed:
        raise ConfigError(f"{name} is {text!r}; use one of {', '.join(allowed)}.")
    return text


def _require_kafka(kafka: KafkaSettings) -> None:
    """Refuse a transport that cannot work, when a process starts and not when the first event comes."""
    if not kafka.servers:
        raise ConfigError("EVENTS_TRANSPORT is kafka, but KAFKA_BOOTSTRAP_SERVERS names no broker.")
    has_login = bool(kafka.sasl_mechanism and kafka.username and kafka.password)
    if kafka.security_protocol.startswith("SASL") and not has_login:
        raise ConfigError(
            f"KAFKA_SECURITY_PROTOCOL is {kafka.security_protocol}; it needs KAFKA_SASL_MECHANISM, KAFKA_USERNAME "
            "and KAFKA_PASSWORD."
        )
    if kafka.ca_file and not Path(kafka.ca_file).is_file():
        raise ConfigError(f"KAFKA_CA_FILE names {kafka.ca_file!r}, which is no file; give the path of a PEM file.")
    if not _is_installed(KAFKA_MODULE):
        raise ConfigError(
            f"EVENTS_TRANSPORT is kafka, but the package {KAFKA_PACKAGE} is not installed; install it with "
            f"'pip install {KAFKA_PACKAGE}', or set EVENTS_TRANSPORT=inbox."
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ImportError:
        return False
