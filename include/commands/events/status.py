"""``events status``: what waits, what landed, and whether every event is accounted for."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from include.commands.tables import print_rows
from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.days import utc_now
from include.events.kafka.status import known_status
from include.events.loading.status import InboxStatus, read_status, recent_loads
from include.provenance.conservation import Balance
from include.provenance.event_balances import balance_intake
from include.services.stores import open_stores
from include.settings.intake import KAFKA

SHOWN_LOADS, SHOWN_DAYS = 5, 7


@guarded
def status(as_json: JsonOption = False) -> None:
    """Show what waits in the inbox, the last loads, and the balances of the last days.

    Args:
        as_json: print one line of JSON.
    """
    settings = settings_here()
    state = open_stores(settings).state
    found, loads = read_status(state), recent_loads(state, SHOWN_LOADS)
    balances = balance_intake(state, since=utc_now() - dt.timedelta(days=SHOWN_DAYS))
    topic = known_status(state, settings.intake.kafka.topic) if settings.intake.transport == KAFKA else None
    if as_json:
        result = {**asdict(found), "loads": loads, "balances": [one.as_row() for one in balances]}
        if topic is not None:
            result["topic"] = {"name": topic.topic, "lag": topic.lag, "lost": topic.lost_count}
        show(result, as_json=True, title="")
        return
    summary = _summary(found, balances)
    if topic is not None:
        summary["topic"] = f"{topic.lag} messages not read yet, {topic.lost_count} lost; see events kafka status"
    show(summary, as_json=False, title="Events on their way")
    if loads:
        print_rows("Last loads", [_load_row(load) for load in loads])
    if balances:
        print_rows(f"Balances of the last {SHOWN_DAYS} days", [_balance_row(one) for one in balances])


def _summary(found: InboxStatus, balances: list[Balance]) -> dict[str, Any]:
    wrong = [one for one in balances if one.residual]
    return {
        "waiting": _counted(found.waiting_events, "event")
        + f" in {_counted(found.waiting_batches, 'batch', 'batches')}, {found.waiting_bytes} bytes",
        "lag": f"{found.lag_seconds:.0f} s",
        "open loads": found.open_loads,
        "last load": f"{found.last_landed_at:%Y-%m-%d %H:%M:%S} UTC" if found.last_landed_at else "none yet",
        "in quarantine": _counted(found.quarantine_open, "event"),
        "conservation": f"{wrong[0].name}: residual {wrong[0].residual}. {wrong[0].advice}" if wrong else "adds up",
        **({"trouble": found.failure} if found.failure else {}),
    }


def _load_row(load: dict[str, Any]) -> dict[str, Any]:
    return {
        "load": load["load_id"],
        "batches": load["batch_count"],
        "events": load["event_count"],
        "landed": load["landed_count"],
        "known_before": load["repeat_count"],
        "tries": load["attempt_count"],
        "seconds": load["duration_seconds"],
        "landed_at": f"{load['landed_at']:%Y-%m-%d %H:%M:%S}" if load["landed_at"] else "not yet",
    }


def _balance_row(balance: Balance) -> dict[str, Any]:
    return {
        "balance": balance.name,
        "came": _counts(balance.came.items()),
        "became": _counts(balance.became.items()),
        "residual": balance.residual,
    }


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _counts(items: Any) -> str:
    return ", ".join(f"{name} {count}" for name, count in items)
