"""The steps of ``visit_what_if`` as one call each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from dags.wiring.runs import Run
from dags.wiring.units import counters_of
from include.days import utc_now


def ask_what_ifs(run: Run, days: Sequence[dt.date]) -> dict[str, Any]:
    """Decide the days in shadow, for every counter of the run.

    Args:
        run: what the task works with.
        days: scored days.

    Returns:
        ``ids`` of the what-ifs, ``table`` in Markdown for the approval, and the counts ``totals`` by counter.
    """
    from include.conversions.ledger.visit_statuses import visit_statuses
    from include.visits.what_if.asking import Question, ask
    from include.visits.what_if.day_table import markdown
    from include.visits.what_if.proposal import parse_proposal
    from include.visits.what_if.scored_days import require_scored

    params, state = run.params, run.stores.state
    named = {"level4_desktop": params["desktop_version"], "level4_mobile": params["mobile_version"]}
    proposal = parse_proposal(
        [f"{name}={version}" for name, version in named.items() if version],
        desktop_threshold=params["desktop_threshold"],
        mobile_threshold=params["mobile_threshold"],
    )
    questions = [Question(counter_id, days, proposal, params["value_per_visit"]) for counter_id in counters_of(run)]
    require_scored(state, [question.counter_id for question in questions], days)
    asked = [
        ask(
            run.stores.warehouse,
            state,
            question,
            models_dir=run.settings.models_dir,
            status_of=partial(visit_statuses, state, run.settings.conversions, utc_now()),
            run_id=run.run_id,
        )
        for question in questions
    ]
    totals = {str(one.counter_id): dict(one.summary["total"]) for one in asked}
    table = f"{markdown(asked)}\n\n{how_to_send(run, days)}"
    return {"ids": [one.what_if_id for one in asked], "table": table, "totals": totals}


def apply_what_ifs(run: Run, ids: Sequence[str], answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Put approved what-ifs in force; nothing is sent by it.

    Args:
        run: what the task works with.
        ids: ids of the what-ifs.
        answer: what the approval was answered with.

    Returns:
        Counts per counter, for XCom.
    """
    from include.visits.what_if.applying import Applying, apply_what_if

    applying = Applying(
        run.stores.warehouse,
        run.stores.state,
        run.settings.exports_dir,
        run.settings.models_dir,
        run.run_id,
        person_of(answer),
    )
    applied = [apply_what_if(applying, what_if_id) for what_if_id in ids]
    return [{"id": one.what_if_id, "counter_id": one.counter_id, **one.summary["total"]} for one in applied]


def how_to_send(run: Run, days: Sequence[dt.date]) -> str:
    """Say what becomes of the visits that are newly level 4+.

    Args:
        run: what the task works with.
        days: days of the what-if.

    Returns:
        A sentence.
    """
    if run.params["send"]:
        return "After approval the days go on to `conversion_upload`, which sends what has never been sent."
    return (
        f"Approving sends nothing. To send what is new, trigger `conversion_upload` with date_from {days[0]} and "
        f"date_to {days[-1]}, or set `send`."
    )


def person_of(answer: Mapping[str, Any]) -> str:
    """Who answered an approval.

    Args:
        answer: what the approval left in XCom.

    Returns:
        The name, else the id, else a word that says that Airflow did not tell.
    """
    user = answer.get("responded_by_user") or {}
    return str(user.get("name") or user.get("id") or "Required Actions")
