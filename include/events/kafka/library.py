"""The client library of Kafka: an optional package, imported on first use, and how it is configured."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from include.errors import ConfigError
from include.settings.intake import KAFKA_PACKAGE, KafkaSettings

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.admin import AdminClient

CLIENT_ID = "counterflow"
CRITICAL_ONLY = 2  # syslog level; a broker that is away is told by the caller, once
RECONNECT_FIRST_MS, RECONNECT_MAX_MS = 200, 5_000

logger = logging.getLogger(__name__)


def load_library() -> Any:
    """Import the client library.

    Returns:
        The module ``confluent_kafka``.

    Raises:
        ConfigError: it is not installed, or does not start here; the message says what to install.
    """
    try:
        importlib.import_module("confluent_kafka.admin")
        return importlib.import_module("confluent_kafka")
    except ImportError as error:
        raise ConfigError(
            f"EVENTS_TRANSPORT is kafka, but the package {KAFKA_PACKAGE} cannot be used here ({error}); "
            f"install it with 'pip install {KAFKA_PACKAGE}', or set EVENTS_TRANSPORT=inbox."
        ) from None


def client_options(settings: KafkaSettings) -> dict[str, Any]:
    """Options that every client of the broker shares.

    Args:
        settings: how to reach the broker.

    Returns:
        Options in the names of librdkafka. They hold the password in clear: never log them.
    """
    options: dict[str, Any] = {
        "bootstrap.servers": settings.servers,
        "client.id": CLIENT_ID,
        "security.protocol": settings.security_protocol,
        "reconnect.backoff.ms": RECONNECT_FIRST_MS,
        "reconnect.backoff.max.ms": RECONNECT_MAX_MS,
        "log_level": CRITICAL_ONLY,
        "log.connection.close": False,
        "logger": logger,
        "error_cb": _note_error,
    }
    if settings.ca_file:
        options["ssl.ca.location"] = settings.ca_file
    if settings.sasl_mechanism:
        options["sasl.mechanism"] = settings.sasl_mechanism
        options["sasl.username"] = settings.username
        options["sasl.password"] = settings.password.value if settings.password else ""
    return options


def open_producer(settings: KafkaSettings, **options: Any) -> Producer:
    """Make a producer.

    Args:
        settings: how to reach the broker.
        options: further options of librdkafka.

    Returns:
        The producer; it connects by itself.

    Raises:
        ConfigError: the library is missing, or refuses a setting.
    """
    return _opened(load_library().Producer, settings, options)  # type: ignore[no-any-return]


def open_consumer(settings: KafkaSettings, **options: Any) -> Consumer:
    """Make a consumer; see :func:`open_producer`."""
    return _opened(load_library().Consumer, settings, options)  # type: ignore[no-any-return]


def open_admin(settings: KafkaSettings) -> AdminClient:
    """Make a client that asks about topics; see :func:`open_producer`."""
    return _opened(load_library().admin.AdminClient, settings, {})  # type: ignore[no-any-return]


def _opened(client: Any, settings: KafkaSettings, options: dict[str, Any]) -> Any:
    try:
        return client({**client_options(settings), **options})
    except (load_library().KafkaException, ValueError, TypeError) as error:
        raise ConfigError(
            f"The Kafka client refuses its settings: {_reason(error)}; see KAFKA_* in docs/settings.md."
        ) from None


def _reason(error: Exception) -> str:
    first = error.args[0] if error.args else error
    return str(first.str() if hasattr(first, "str") else first)


def _note_error(error: Any) -> None:
    logger.debug("broker: %s", error)
