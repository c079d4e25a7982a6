"""What is forgotten, and when: ids, stored answers, rejected events, receipts. The counts of what goes are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine, TextClause, text

from include.days import utc_now
from include.failpoints import failpoint
from include.settings.intake import IntakeSettings
from include.state.engine import reachable

ROWS_AT_ONCE = 20_000  # of one transaction, so that intake never waits long for a lock
IDS_AT_ONCE = 500_000  # more, because each search starts at the table's beginning, among the rows just deleted

# Ids of receipts that came after the cut, or wait for the warehouse, are still needed: an id is remembered at least
# until its event has landed. OFFSET 0 makes it read the receipts after the cut instead of all that came before.
_FIRST_NEEDED = text("""
SELECT least(
    (SELECT min(receipt_number) FROM (SELECT receipt_number FROM receipts WHERE received_at >= :cut OFFSET 0) AS fresh),
    (SELECT min(receipt_number) FROM inbox_batches),
    (SELECT max(receipt_number) + 1 FROM receipts)
)
""")
_FORGET_IDS = text("""
DELETE FROM event_seen WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM event_seen WHERE receipt_number < :first_needed LIMIT :most
))
""")
_FORGET_ANSWERS = text("""
UPDATE receipts SET answer = NULL, request_key = NULL, body_key = NULL
WHERE receipt_number IN (
    SELECT receipt_number FROM receipts
    WHERE received_at < :cut AND (answer IS NOT NULL OR request_key IS NOT NULL OR body_key IS NOT NULL) LIMIT :most
)
""")
_DISCARD = text("""
UPDATE event_quarantine SET status = 'discarded', ended_at = :now
WHERE quarantine_id IN (
    SELECT quarantine_id FROM event_quarantine WHERE status = 'open' AND received_at < :cut
    LIMIT :most FOR UPDATE SKIP LOCKED
)
""")
# Whole receipts go: with the rejected events they brought, when nothing of them waits, is open or is still remembered.
_DROP_RECEIPTS = text("""
WITH old AS (
    SELECT receipt_number FROM receipts AS r
    WHERE received_at < :cut AND landed_at IS NOT NULL
      AND NOT EXISTS (SELECT FROM event_quarantine AS q WHERE q.receipt_number = r.receipt_number
                      AND (q.status = 'open' OR NOT q.is_copied))
      AND NOT EXISTS (SELECT FROM inbox_batches AS i WHERE i.receipt_number = r.receipt_number)
    LIMIT :most
), dropped AS (
    DELETE FROM receipts USING old WHERE receipts.receipt_number = old.receipt_number RETURNING receipts.*
), unquarantined AS (
    DELETE FROM event_quarantine AS q USING old WHERE q.receipt_number = old.receipt_number RETURNING q.*
), counted AS (
    SELECT project_number, (received_at AT TIME ZONE 'UTC')::date AS day,
           CASE WHEN principal = 'replay' THEN 0 ELSE received_count END AS received,
           CASE WHEN principal = 'replay' THEN 0 ELSE accepted_count END AS accepted,
           duplicate_count AS duplicates, rejected_count AS rejected,
           CASE WHEN principal = 'replay' THEN accepted_count ELSE 0 END AS replayed, accepted_count AS landed,
           0 AS quarantine_replayed, 0 AS quarantine_discarded
    FROM dropped
    UNION ALL
    SELECT project_number, (received_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0,
           (status = 'replayed')::int, (status = 'discarded')::int
    FROM unquarantined
), kept AS (
    INSERT INTO event_totals AS t (
        project_number, day, received_count, accepted_count, duplicate_count, rejected_count, replayed_count,
        landed_count, replayed_quarantine_count, discarded_quarantine_count
    )
    SELECT project_number, day, sum(received), sum(accepted), sum(duplicates), sum(rejected), sum(replayed),
           sum(landed), sum(quarantine_replayed), sum(quarantine_discarded)
    FROM counted GROUP BY project_number, day ORDER BY project_number, day
    ON CONFLICT (project_number, day) DO UPDATE SET
        received_count = t.received_count + excluded.received_count,
        accepted_count = t.accepted_count + excluded.accepted_count,
        duplicate_count = t.duplicate_count + excluded.duplicate_count,
        rejected_count = t.rejected_count + excluded.rejected_count,
        replayed_count = t.replayed_count + excluded.replayed_count,
        landed_count = t.landed_count + excluded.landed_count,
        replayed_quarantine_count = t.replayed_quarantine_count + excluded.replayed_quarantine_count,
        discarded_quarantine_count = t.discarded_quarantine_count + excluded.discarded_quarantine_count
)
SELECT count(*) FROM dropped
""")


def forget_events(engine: Engine, settings: IntakeSettings, now: dt.datetime | None = None) -> dict[str, int]:
    """Forget what is old, in small transactions; events themselves stay in the warehouse.

    Args:
        engine: the state engine.
        settings: of the intake: how long each is kept.
        now: aware instant to use instead of the clock.

    Returns:
        How many ids and stored answers were forgotten, rejected events discarded, and receipts dropped.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    now = now or utc_now()
    seen, quarantine, receipt = (
        now - dt.timedelta(days=days) for days in (settings.seen_days, settings.quarantine_days, settings.receipt_days)
    )
    return {
        "event_ids": _repeat(engine, _FORGET_IDS, {"first_needed": _first_needed(engine, seen)}, most=IDS_AT_ONCE),
        "event_answers": _repeat(engine, _FORGET_ANSWERS, {"cut": seen}),
        "discarded_events": _repeat(engine, _DISCARD, {"cut": quarantine, "now": now}),
        # An id in event_seen names its receipt, so a receipt outlives its ids.
        "receipts": _repeat(engine, _DROP_RECEIPTS, {"cut": min(receipt, seen)}),
    }


def _first_needed(engine: Engine, cut: dt.datetime) -> int:
    with reachable(engine), engine.connect() as connection:
        return int(connection.execute(_FIRST_NEEDED, {"cut": cut}).scalar() or 0)


def _repeat(engine: Engine, statement: TextClause, values: Mapping[str, Any], most: int = ROWS_AT_ONCE) -> int:
    total = 0
    while True:
        with reachable(engine), engine.begin() as connection:
            result = connection.execute(statement, {**values, "most": most})
            count = int(result.scalar_one()) if result.returns_rows else int(result.rowcount)
            failpoint("events_keeping.forgetting")
        total += count
        if count < most:
            return total
