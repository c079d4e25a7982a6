"""The four ways Metrika finds the visitor of a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from include.errors import InputError

LONGEST_CHARS = 255
LARGEST_ID = 2**64 - 1  # ClientID is a UInt64


class IdentifierKind(Enum):
    """Kind of identifier; the value is what the ledger stores."""

    CLIENT_ID = "CLIENT_ID"
    USER_ID = "USER_ID"
    YCLID = "YCLID"
    PURCHASE_ID = "PURCHASE_ID"

    @property
    def column(self) -> str:
        """Column of the file, for example ``ClientId``."""
        return COLUMNS[self]

    @property
    def field(self) -> str:
        """Field of a request body, for example ``client_id``."""
        return self.value.lower()


COLUMNS = {
    IdentifierKind.CLIENT_ID: "ClientId",
    IdentifierKind.USER_ID: "UserId",
    IdentifierKind.YCLID: "Yclid",
    IdentifierKind.PURCHASE_ID: "PurchaseId",
}
NUMERIC = (IdentifierKind.CLIENT_ID, IdentifierKind.YCLID)


def check_identifier(kind: IdentifierKind, text: str) -> str:
    """Check one identifier before it is promised to anybody.

    Args:
        kind: its kind.
        text: the identifier.

    Returns:
        The identifier without surrounding space.

    Raises:
        InputError: empty, too long, or not a number where one is due.

    >>> check_identifier(IdentifierKind.CLIENT_ID, " 175085690441127503 ")
    '175085690441127503'
    """
    identifier = text.strip()
    if not identifier:
        raise InputError(
            f"{kind.field} is empty; give the visitor's identifier.", code="no_identifier", pointer=f"/{kind.field}"
        )
    is_number = identifier.isascii() and identifier.isdigit() and 0 < int(identifier) <= LARGEST_ID
    if (kind in NUMERIC and not is_number) or len(identifier) > LONGEST_CHARS or not identifier.isprintable():
        wanted = "a whole number above 0" if kind in NUMERIC else f"printable text, at most {LONGEST_CHARS} characters"
        raise InputError(
            f"{kind.field} {identifier[:64]!r} cannot be used; it must be {wanted}.",
            code="bad_identifier",
            pointer=f"/{kind.field}",
        )
    return identifier


def pick_identifier(values: Mapping[str, str | None]) -> tuple[IdentifierKind, str]:
    """Find the one identifier of a request.

    Args:
        values: ``client_id``, ``user_id``, ``yclid``, ``purchase_id`` -> value or None.

    Returns:
        Its kind and the checked identifier.

    Raises:
        InputError: none given, or several.
    """
    given = [(kind, value) for kind in IdentifierKind if (value := values.get(kind.field)) is not None]
    names = ", ".join(kind.field for kind in IdentifierKind)
    if len(given) != 1:
        problem = "has no identifier" if not given else "has several identifiers"
        raise InputError(
            f"The conversion {problem}; give exactly one of {names}.",
            code="several_identifiers" if given else "no_identifier",
            pointer=f"/{given[1][0].field if given else IdentifierKind.CLIENT_ID.field}",
        )
    kind, text = given[0]
    return kind, check_identifier(kind, text)


def check_target(target: str) -> str:
    """Check a goal identifier.

    Args:
        target: identifier of a JavaScript-event goal.

    Returns:
        The same text.

    Raises:
        InputError: empty, too long, or with a NUL character, which no store keeps.
    """
    if not target.strip() or len(target) > LONGEST_CHARS or "\0" in target:
        raise InputError(
            f"The goal identifier must have 1 to {LONGEST_CHARS} characters; give the one of a JavaScript-event goal.",
            code="bad_target",
            pointer="/target",
        )
    return target
