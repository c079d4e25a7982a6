"""What of an app its owner may choose: name, mode, zone, age of events, aliases of event names."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping
from functools import cache
from zoneinfo import available_timezones

from include.days import zone_of
from include.errors import InputError
from include.events.apps.rules import MODES
from include.events.schemas.definitions import is_readable
from include.events.schemas.names import event_name_of

LONGEST_APP_NAME_CHARS = 100
LONGEST_AGE_DAYS = 3650
MOST_ALIASES = 100
ALIAS_TAKEN = "alias_taken"


def app_name_of(text: str) -> str:
    """Check the name of an app.

    Args:
        text: as given.

    Returns:
        NFKC, trimmed, 1 to 100 characters.

    Raises:
        InputError: nothing is left, too long, or control characters (``bad_name``).
    """
    name = unicodedata.normalize("NFKC", text).strip()
    if not name or len(name) > LONGEST_APP_NAME_CHARS or not is_readable(name):
        raise InputError(
            f"The name of an app has 1 to {LONGEST_APP_NAME_CHARS} characters and no control characters.",
            code="bad_name",
            pointer="/app_name",
        )
    return name


def name_key_of(app_name: str) -> str:
    """Give what two names of one owner may not share: case does not tell them apart.

    Args:
        app_name: a checked name.

    Returns:
        The key.
    """
    return unicodedata.normalize("NFKC", app_name.casefold()).strip()


def require_mode(mode: str) -> str:
    """Check the name of a mode.

    Args:
        mode: as given.

    Returns:
        The mode.

    Raises:
        InputError: no such mode.
    """
    if mode not in MODES:
        raise InputError(f"{mode!r} is not a mode; use {' or '.join(MODES)}.", code="bad_mode", pointer="/mode")
    return mode


def require_zone(name: str) -> str:
    """Check the name of a time zone.

    Args:
        name: as given.

    Returns:
        The IANA name.

    Raises:
        InputError: no such zone.
    """
    try:
        zone = zone_of(name)
        if zone.key in _known_zones():  # files of this machine beside them, such as posixrules, are none
            return zone.key
        raise InputError(f"{name!r} is not an IANA time zone; use one such as Europe/Moscow.", code="bad_zone")
    except InputError as error:
        raise InputError(error.message, code=error.code, pointer="/timezone") from None


def require_age(days: int) -> int:
    """Check how old events may be.

    Args:
        days: as given.

    Returns:
        The days.

    Raises:
        InputError: outside 1 to 3650.
    """
    if not 1 <= days <= LONGEST_AGE_DAYS:
        raise InputError(f"max_age_days is 1 to {LONGEST_AGE_DAYS} days.", code="out_of_range", pointer="/max_age_days")
    return days


def aliases_of(given: Mapping[str, str], registered: Collection[str]) -> dict[str, str]:
    """Check aliases: each name stands for one event, and that event is no alias itself.

    Args:
        given: names and the events they stand for, in any spelling.
        registered: events of the project in their one spelling.

    Returns:
        Both sides in their one spelling.

    Raises:
        InputError: too many, bad, double, in a chain; or the name of a registered event (``alias_taken``).
    """
    if len(given) > MOST_ALIASES:
        raise InputError(f"A project has at most {MOST_ALIASES} aliases.", code="too_many_aliases", pointer="/aliases")
    found: dict[str, str] = {}
    for alias, event in given.items():
        name, stands_for = _spelled(alias, alias), _spelled(event, alias)
        if name in found:
            raise _refused(alias, f"{name} is listed twice.", "bad_alias")
        if name in registered:
            raise _refused(alias, f"{name} is a registered event and cannot stand for another.", ALIAS_TAKEN)
        found[name] = stands_for
    for name, stands_for in found.items():
        if stands_for in found:
            raise _refused(name, f"{name} stands for {stands_for}, which is an alias itself.", "bad_alias")
    return found


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _spelled(text: str, alias: str) -> str:
    try:
        return event_name_of(text)
    except InputError as error:
        raise _refused(alias, error.message, error.code) from None


def _refused(alias: str, message: str, code: str) -> InputError:
    return InputError(message, code=code, pointer="/aliases/" + alias.replace("~", "~0").replace("/", "~1"))
