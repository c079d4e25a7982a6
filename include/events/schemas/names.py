"""One spelling for every event name, and codes that addresses can carry."""

from __future__ import annotations

import re
import unicodedata
import uuid
from functools import lru_cache

from include.errors import InputError

LONGEST_NAME_CHARS = 100
LONGEST_CACHED_CHARS = 200  # so that a sender of endless names cannot fill the memory
CACHED_NAMES = 4096
_SEPARATORS = re.compile(r"[\W_]+")  # anything but letters and digits of any script
_NOT_ASCII_WORDS = re.compile(r"[^a-z0-9]+")
_CODE_FORM = re.compile(r"[a-z0-9_-]{1,160}", re.ASCII)


def event_name_of(text: str) -> str:
    """Bring a name of an event into its one spelling.

    Args:
        text: the name as sent or registered.

    Returns:
        1 to 100 characters: NFKC, case-folded, runs of anything but letters and digits as ``_``, trimmed.

    Raises:
        InputError: nothing is left, or more than 100 characters (``bad_name``).

    >>> event_name_of("Number of product views")
    'number_of_product_views'
    """
    return _cached_name(text) if len(text) <= LONGEST_CACHED_CHARS else _name(text)


def code_of(text: str, *, fallback: str, joint: str) -> str:
    """Make a new code: a readable part, and a UUID that no word of an address equals.

    Args:
        text: what the readable part is made of.
        fallback: the readable part when the text has no ASCII letter or digit.
        joint: stands for everything else between words, ``-`` or ``_``.

    Returns:
        For example ``electronic-shop-1b4e28ba-2fa1-41d2-883f-0016d3cca427``; another one each time.
    """
    folded = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    word = _NOT_ASCII_WORDS.sub(joint, folded)[:LONGEST_NAME_CHARS].strip(joint)
    return f"{word or fallback}-{uuid.uuid4()}"


def is_code(text: str) -> bool:
    """Tell whether a text has the form of a code, so that a store can be asked for it.

    Args:
        text: from an address or a command line.

    Returns:
        True for small ASCII letters, digits, underscores and hyphens.
    """
    return _CODE_FORM.fullmatch(text) is not None


@lru_cache(maxsize=CACHED_NAMES)
def _cached_name(text: str) -> str:
    return _name(text)


def _name(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    name = _SEPARATORS.sub("_", folded).strip("_")
    if not name:
        raise InputError("An event name needs at least one letter or digit.", code="bad_name", pointer="/event_name")
    if len(name) > LONGEST_NAME_CHARS:
        raise InputError(
            f"An event name has at most {LONGEST_NAME_CHARS} characters; this one has {len(name)}.",
            code="bad_name",
            pointer="/event_name",
        )
    return name
