"""``visits what-if-list``: what has been asked, and what of it is in force."""

from __future__ import annotations

from typing import Any

from include.commands.terminal import CounterOption, JsonOption, counters_of, guarded, settings_here, show
from include.commands.visits.what_if import what_if_record
from include.services.stores import open_stores
from include.visits.what_if.records import WhatIf, list_what_ifs


@guarded
def what_if_list(counter: CounterOption = None, as_json: JsonOption = False) -> None:
    """List every what-if, the newest first, and whether it was applied.

    Args:
        counter: one counter; all of METRIKA_COUNTER when absent.
        as_json: print one line of JSON.
    """
    settings = settings_here()
    found = list_what_ifs(open_stores(settings).state, counters_of(settings, counter))
    result = {"what_ifs": [what_if_record(asked) for asked in found]} if as_json else {"what_ifs": "none yet"}
    show(result, as_json=as_json, title="What-ifs", rows=[] if as_json else [_row(asked) for asked in found])


def _row(asked: WhatIf) -> dict[str, Any]:
    total = asked.summary["total"]
    return {
        "id": asked.what_if_id,
        "counter_id": asked.counter_id,
        "days": f"{asked.first_day} to {asked.last_day}",
        "proposal": ", ".join(f"{model.name} {model.version} > {model.threshold:g}" for model in asked.models),
        "level4": f"{total['before']} > {total['after']}",
        "asked": f"{asked.asked_at:%Y-%m-%d}",
        "applied": f"{asked.applied_at:%Y-%m-%d} by {asked.applied_by}" if asked.applied_at else "no",
    }
