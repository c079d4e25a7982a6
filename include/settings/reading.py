"""Reading one value of the environment, with a message that names the setting."""

from __future__ import annotations

from collections.abc import Mapping

from include.errors import ConfigError

YES, NO = ("1", "true", "yes"), ("0", "false", "no")


def number(env: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    """Read a number.

    Args:
        env: names and values.
        name: the setting.
        default: value when it is not set.
        low: smallest value allowed.
        high: largest value allowed.

    Returns:
        The number.

    Raises:
        ConfigError: it is no number, or outside the range.
    """
    text = env.get(name) or ""
    if not text:
        return float(default)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise ConfigError(f"{name} is {text!r}; use a number from {low:g} to {high:g}.")
    return value


def whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """Read a whole number.

    Args:
        env: names and values.
        name: the setting.
        default: value when it is not set.
        low: smallest value allowed.
        high: largest value allowed.

    Returns:
        The number.

    Raises:
        ConfigError: it is no whole number, or outside the range.
    """
    value = number(env, name, default, low, high)
    if not value.is_integer():
        raise ConfigError(f"{name} is {env[name]!r}; use a whole number from {low} to {high}.")
    return int(value)


def flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Read a yes or no.

    Args:
        env: names and values.
        name: the setting.
        default: value when it is not set.

    Returns:
        True or False.

    Raises:
        ConfigError: it is neither.
    """
    text = (env.get(name) or "").lower()
    if not text:
        return default
    if text not in YES + NO:
        raise ConfigError(f"{name} is {text!r}; use true or false.")
    return text in YES


def names(text: str | None) -> tuple[str, ...]:
    """Read a comma list.

    Args:
        text: the list; None or empty means none.

    Returns:
        The entries, trimmed, without empty ones.
    """
    return tuple(filter(None, (part.strip() for part in (text or "").split(","))))
