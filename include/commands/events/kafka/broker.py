"""What the commands about Kafka share: settings that name a broker."""

from __future__ import annotations

from include.commands.terminal import settings_here
from include.errors import ConfigError
from include.settings import Settings


def settings_with_broker() -> Settings:
    """Read the settings of this process; the transport may still be the inbox.

    Returns:
        The settings.

    Raises:
        ConfigError: they name no broker, or a setting cannot be read.
    """
    settings = settings_here()
    if not settings.intake.kafka.servers:
        raise ConfigError("KAFKA_BOOTSTRAP_SERVERS names no broker; set it to host:port of your Kafka broker.")
    return settings
