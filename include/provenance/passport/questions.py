"""What somebody asks about, checked before any store is read."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from include.conversions.rules.identifiers import check_target
from include.conversions.rules.moments import FIRST_YEAR, LAST_YEAR
from include.errors import InputError

LARGEST_ID = 2**64 - 1  # visit and client ids are UInt64
LARGEST_METRIKA_ID = 2**63 - 1  # upload ids of Metrika are kept as BIGINT
LARGEST_ROW = 2**31 - 1
# In a query string the "+" of an offset arrives as a space.
LOST_PLUS = re.compile(r"(.*[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) (\d{2}:?\d{2})")


@dataclass(frozen=True)
class Question:
    """A conversion or a visit as somebody names it.

    Attributes:
        visit_id: the visit.
        client_id: the visitor's first-party cookie id.
        upload_id: our UUID, or Metrika's number.
        row: line of the upload, from 1.
        counter_id: only of this counter.
        target: only of this goal.
        day: only of this local day.
        date_time: time of the conversion, local to the counter or with an offset.
    """

    visit_id: int | None = None
    client_id: int | None = None
    upload_id: str | None = None
    row: int | None = None
    counter_id: int | None = None
    target: str | None = None
    day: dt.date | None = None
    date_time: str | None = None


def ask(
    *,
    visit_id: str | None = None,
    client_id: str | None = None,
    upload_id: str | None = None,
    row: int | None = None,
    counter_id: int | None = None,
    target: str | None = None,
    day: dt.date | None = None,
    date_time: str | None = None,
) -> Question:
    """Check what somebody asks.

    Args:
        visit_id: a visit id as text.
        client_id: a client id as text.
        upload_id: our UUID, or Metrika's number.
        row: line of the upload, from 1.
        counter_id: the counter.
        target: goal identifier.
        day: local day.
        date_time: time of the conversion.

    Returns:
        The question.

    Raises:
        InputError: nothing is named (``parameter_missing``), two things are (``conflicting_input``), or one
            of them is malformed.

    >>> ask(visit_id="17").visit_id
    17
    """
    _require_one({"visit_id": visit_id, "upload_id": upload_id, "client_id": client_id})
    if row is not None and upload_id is None:
        raise _conflict("row", "A row is a line of an upload; give upload_id with it.")
    if day is not None:
        _check_day(day)
    if date_time is not None:
        _check_time({"client_id": client_id, "counter": counter_id}, day)
    return Question(
        visit_id=None if visit_id is None else _number(visit_id, "visit_id"),
        client_id=None if client_id is None else _number(client_id, "client_id"),
        upload_id=None if upload_id is None else _upload(upload_id),
        row=None if row is None else _row(row),
        counter_id=counter_id,
        target=None if target is None else check_target(target),
        day=day,
        date_time=None if date_time is None else LOST_PLUS.sub(r"\1+\2", date_time.strip()),
    )


def _require_one(given: Mapping[str, object]) -> None:
    named = [name for name, value in given.items() if value is not None]
    if not named:
        raise _missing("visit_id", "Nothing is named; give a visit id, a client id, or an upload id with a row.")
    if len(named) > 1:
        raise _conflict(named[1], f"Give either {named[0]} or {named[1]}, not both.")


def _check_day(day: dt.date) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        message = f"Day {day} is outside {FIRST_YEAR} to {LAST_YEAR}; nothing is stored of it."
        raise InputError(message, code="bad_date", pointer="/date")


def _check_time(needed: Mapping[str, object], day: dt.date | None) -> None:
    absent = next((name for name, value in needed.items() if value is None), None)
    if absent is not None:
        raise _missing(absent, f"A time alone names no conversion; give {absent} with date_time.")
    if day is not None:
        raise _conflict("date", "Give either date or date_time, not both.")


def _number(text: str, name: str) -> int:
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit() and 0 < int(plain[:40]) <= LARGEST_ID and len(plain) <= 20):
        raise InputError(
            f"{name} {text[:64]!r} cannot be used; give a whole number above 0.",
            code="bad_identifier",
            pointer=f"/{name}",
        )
    return int(plain)


def _upload(text: str) -> str:
    plain = text.strip()
    if plain.isascii() and plain.isdigit() and len(plain) <= 19 and 0 < int(plain) <= LARGEST_METRIKA_ID:
        return str(int(plain))
    try:
        return str(UUID(plain))
    except ValueError:
        raise InputError(
            f"upload_id {text[:64]!r} cannot be used; give the UUID of an upload, or its number at Metrika.",
            code="bad_identifier",
            pointer="/upload_id",
        ) from None


def _row(row: int) -> int:
    if not 0 < row <= LARGEST_ROW:
        raise InputError("Rows of an upload are counted from 1.", code="bad_row", pointer="/row")
    return row


def _missing(name: str, message: str) -> InputError:
    return InputError(message, code="parameter_missing", pointer=f"/{name}")


def _conflict(name: str, message: str) -> InputError:
    return InputError(message, code="conflicting_input", pointer=f"/{name}")
