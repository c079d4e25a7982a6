"""One conversion given by hand: checked, put into the ledger, sent as a file of one row."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Row, select
from sqlalchemy.dialects.postgresql import insert

from include.conversions.ledger.drafts import UploadOrigin, open_upload, seal_upload
from include.conversions.ledger.standing import lock_ledger
from include.conversions.rules.holding import is_future, is_outside_window
from include.conversions.rules.identifiers import IdentifierKind, check_target, pick_identifier
from include.conversions.rules.moments import Moment, parse_moment
from include.conversions.rules.money import check_currency, parse_price
from include.conversions.rules.statuses import PLACED, PREPARED, UNSENT_STAGES
from include.days import utc_now
from include.errors import InputError
from include.failpoints import failpoint
from include.state.engine import reachable
from include.state.tables import conversion_uploads, conversions

SINGLE_VISIT_ID = 0  # the ledger's mark of a conversion that came from no visit
OUTSIDE_WINDOW = "outside_match_window"
AMBIGUOUS_TIME = "ambiguous_time"
SINGLE_FAILPOINTS = ("single.placed", "single.prepared")


@dataclass(frozen=True)
class SingleConversion:
    """A checked conversion.

    Attributes:
        counter_id: the counter.
        target: goal identifier.
        kind: kind of identifier.
        identifier: the visitor's identifier.
        moment: when it happened; sent as it is, without the offset that visits get.
        price: price with two decimals, or None.
        currency: ISO 4217 code, or an empty text.
    """

    counter_id: int
    target: str
    kind: IdentifierKind
    identifier: str
    moment: Moment
    price: Decimal | None
    currency: str


@dataclass(frozen=True)
class SingleOutcome:
    """Where a conversion went.

    Attributes:
        upload_id: the upload that carries it, new or earlier.
        is_new: False when the same row had been taken before.
        warnings: ``outside_match_window``, ``ambiguous_time``.
    """

    upload_id: str
    is_new: bool
    warnings: tuple[str, ...]


def read_single(
    counter_id: int,
    zone: ZoneInfo,
    *,
    target: str,
    date_time: str,
    identifiers: Mapping[str, str | None],
    price: str | int | float | Decimal | None = None,
    currency: str | None = None,
    now: dt.datetime | None = None,
) -> SingleConversion:
    """Check a conversion as it came in.

    Args:
        counter_id: the counter.
        zone: its zone, for a time without offset.
        target: goal identifier.
        date_time: ``YYYY-MM-DD HH:MM:SS`` local to the counter, or with an offset.
        identifiers: ``client_id``, ``user_id``, ``yclid``, ``purchase_id``; exactly one of them.
        price: from 0, at most two decimals.
        currency: ISO 4217 code.
        now: aware instant instead of the clock.

    Returns:
        The conversion.

    Raises:
        InputError: anything about it is wrong; ``code`` and ``pointer`` say what.
    """
    kind, identifier = pick_identifier(identifiers)
    moment = parse_moment(date_time, zone)
    if is_future(moment.epoch_seconds, now or utc_now()):
        raise InputError(
            f"The conversion time {date_time[:64]!r} is not in the past; Metrika takes past conversions only.",
            code="future_time",
            pointer="/date_time",
        )
    return SingleConversion(
        counter_id, check_target(target), kind, identifier, moment, parse_price(price), check_currency(currency)
    )


def prepare_single(
    state: Engine,
    conversion: SingleConversion,
    *,
    run_id: str,
    task_id: str = "",
    resend: bool = False,
    upload_id: str | None = None,
    now: dt.datetime | None = None,
) -> SingleOutcome:
    """Put one conversion into the ledger, ready to be sent by :func:`include.conversions.resume.send_prepared`.

    Args:
        state: the state engine.
        conversion: checked conversion.
        run_id: name of this run, for the records.
        task_id: API task it belongs to, or an empty text.
        resend: send a row again whose price or currency differs from what was sent.
        upload_id: id of the new upload; None for a new one.
        now: aware instant instead of the clock.

    Returns:
        The upload that carries the conversion.

    Raises:
        InputError: the row was sent with another price or currency (code ``already_sent``), or is being
            sent with it at this moment (code ``still_sending``).
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    instant = now or utc_now()
    warnings = _warnings(conversion, instant)
    with reachable(state), state.begin() as connection:
        lock_ledger(connection, conversion.counter_id, conversion.moment.day)
        earlier = _sent_before(connection, conversion)
        for row in earlier:
            if (row.price, row.currency) == (conversion.price, conversion.currency):
                return SingleOutcome(row.upload_id, False, warnings)
        if earlier:
            _refuse_change(conversion, earlier, resend)
        origin = UploadOrigin(conversion.counter_id, conversion.target, conversion.kind, run_id, task_id, instant)
        current = upload_id or str(uuid4())
        open_upload(connection, origin, current)
        _place(connection, conversion, current, instant)
        seal_upload(connection, current)
        failpoint("single.placed")
    failpoint("single.prepared")
    return SingleOutcome(current, True, warnings)


def _warnings(conversion: SingleConversion, now: dt.datetime) -> tuple[str, ...]:
    warnings = []
    if is_outside_window(conversion.moment.epoch_seconds, now):
        warnings.append(OUTSIDE_WINDOW)
    if conversion.moment.is_ambiguous:
        warnings.append(AMBIGUOUS_TIME)
    return tuple(warnings)


def _sent_before(connection: Connection, conversion: SingleConversion) -> list[Row[Any]]:
    """Ledger rows of the same conversion that were or may have been sent, visits included."""
    c, u = conversions.c, conversion_uploads.c
    query = select(c.upload_id, c.price, c.currency, u.stage.label("upload_stage")).where(
        c.upload_id == u.upload_id,
        c.counter_id == conversion.counter_id,
        c.target == conversion.target,
        c.identifier_kind == conversion.kind.value,
        c.identifier == conversion.identifier,
        c.event_at == conversion.moment.event_at,
        c.stage.not_in(UNSENT_STAGES),
    )
    return list(connection.execute(query.order_by(c.visit_id)))


def _refuse_change(conversion: SingleConversion, earlier: list[Row[Any]], resend: bool) -> None:
    if not resend:
        raise InputError(
            f"This conversion was sent before with another price or currency (upload {earlier[0].upload_id}); "
            "give resend to overwrite its revenue in Metrika.",
            code="already_sent",
            pointer="/price",
        )
    waiting = [row.upload_id for row in earlier if row.upload_stage == PREPARED]
    if waiting:
        raise InputError(
            f"This conversion is being sent at this moment (upload {waiting[0]}); try again when that has ended.",
            code="still_sending",
            pointer="/resend",
        )


def _place(connection: Connection, conversion: SingleConversion, upload_id: str, now: dt.datetime) -> None:
    moment = conversion.moment
    key = {
        "counter_id": conversion.counter_id,
        "target": conversion.target,
        "identifier_kind": conversion.kind.value,
        "identifier": conversion.identifier,
        "event_at": moment.event_at,
        "visit_id": SINGLE_VISIT_ID,
    }
    values = {
        "day": moment.day,
        "sent_epoch_seconds": moment.epoch_seconds,
        "price": conversion.price,
        "currency": conversion.currency,
        "stage": PLACED,
        "held_reason": "",
        "upload_id": upload_id,
        "line_number": 1,
        "decided_at": now,
    }
    statement = insert(conversions).values(conversion_id=str(uuid4()), **key, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))
