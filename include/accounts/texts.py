"""What people type about themselves, made clean; what is not an id of anything."""

from __future__ import annotations

import re
import unicodedata
import uuid

from include.errors import InputError

LONGEST_EMAIL = 254  # characters, RFC 5321
LONGEST_NAME = 100
LONGEST_PHONE = 32
EMAIL_FORM = re.compile(r"[^@\s]+@[^@\s]+")
UNWRITABLE = ("Cc", "Cs")  # control characters, halves of characters


def clean_text(text: str, *, what: str, pointer: str, longest: int = LONGEST_NAME) -> str:
    """Trim a short text and refuse what cannot be shown.

    Args:
        text: as typed.
        what: the text's name in the message.
        pointer: JSON pointer of the text.
        longest: most characters after trimming.

    Returns:
        The trimmed text; it may be empty.

    Raises:
        InputError: too long, or with control characters (code ``bad_text``).

    >>> clean_text("  John ", what="name", pointer="/name")
    'John'
    """
    found = text.strip()
    if len(found) > longest or not is_writable(found):
        raise InputError(
            f"The {what} has at most {longest} characters and no control characters.", code="bad_text", pointer=pointer
        )
    return found


def clean_email(text: str) -> str:
    """Trim an email address and refuse what is none; it is kept as typed.

    Args:
        text: as typed.

    Returns:
        The address as it is kept and shown.

    Raises:
        InputError: not an address, or longer than 254 characters (code ``bad_email``).

    >>> clean_email(" John@Email.com ")
    'John@Email.com'
    """
    found = text.strip()
    if len(found) > LONGEST_EMAIL or not is_writable(found) or not EMAIL_FORM.fullmatch(found):
        raise InputError(
            f"Give an email address of at most {LONGEST_EMAIL} characters, such as john@email.com.",
            code="bad_email",
            pointer="/email",
        )
    return found


def email_key_of(email: str) -> str:
    """The form in which two addresses are the same account.

    Args:
        email: a clean address.

    Returns:
        The address without differences of case and of composed characters.

    >>> email_key_of("JOHN@Email.com") == email_key_of("john@email.com")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email).casefold())


def is_writable(text: str) -> bool:
    """Whether a text can be stored and shown.

    Args:
        text: any text.

    Returns:
        False for texts with control characters or lone surrogates.

    >>> is_writable("John"), is_writable("John" + chr(0))
    (True, False)
    """
    return not any(unicodedata.category(char) in UNWRITABLE for char in text)


def is_id(text: str) -> bool:
    """Whether a text is the id of an account or a key, as PostgreSQL takes it.

    Args:
        text: any text.

    Returns:
        False for texts that no row can have.

    >>> is_id("nothing"), is_id("8c7d3a52-9d6f-4a5e-9a32-0f4f2f6f1b10")
    (False, True)
    """
    try:
        return str(uuid.UUID(text)) == text.lower()
    except (ValueError, AttributeError, TypeError):
        return False
