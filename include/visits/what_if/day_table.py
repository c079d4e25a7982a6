"""A what-if as people read it: a row per day and one for all, and what else they have to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from include.visits.what_if.records import WhatIf
from include.visits.what_if.value import GIVEN, GOALS, NONE, REVENUE

ALL_DAYS = "all days"
MOST_ROWS = 62  # of a table in an approval; two months can still be read

_VALUE_WORDS = {
    REVENUE: "Value: revenue of the visits' purchases.",
    GOALS: "Value: value of the goals the visits reached.",
    GIVEN: "Value: the given value per visit.",
    NONE: "No value: the visits carry none and no value per visit was given.",
}


def day_rows(asked: WhatIf) -> list[dict[str, Any]]:
    """Rows of the table of a what-if.

    Args:
        asked: the what-if.

    Returns:
        A row per day, then one for all days: counts of level 4+ visits before and after, added, removed, kept,
        value before and after as far as visits have one, how many of the added can be sent and of the removed
        have been.
    """
    summary = asked.summary
    return [*(_row(day["day"], day) for day in summary["days"]), _row(ALL_DAYS, summary["total"])]


def _row(title: str, day: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: day[name] for name in ("before", "after", "added", "removed", "kept")}
    value = day["value"]
    worth = {"value": f"{money(value['before'])} > {money(value['after'])}"} if value else {}
    return {"day": title, **counts, **worth, "can_be_sent": day["sendable"], "removed_but_sent": day["removed_sent"]}


def money(value: float) -> str:
    """A value for people.

    Args:
        value: whole units of any currency.

    Returns:
        Digits in groups, hundredths only when there are some.

    >>> money(1234.5), money(20.0)
    ('1,234.50', '20')
    """
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def describe(asked: WhatIf) -> list[str]:
    """Sentences that belong to the table.

    Args:
        asked: the what-if.

    Returns:
        What is proposed, how visits are valued, which days are out of date, what cannot be taken back.
    """
    sentences = [
        f"{model.name}: {model.replaces or 'nothing'} -> {model.version}"
        f"{f' (artefact of {model.base_version})' if model.is_new_threshold else ''}, threshold {model.threshold:g}."
        for model in asked.models
    ]
    sentences.append(" ".join(filter(None, [_VALUE_WORDS[asked.summary["value_source"]], asked.summary["value_note"]])))
    total = asked.summary["total"]
    if total["value"]:
        worth = {**total["value"], "added that can be sent": total["sendable_value"]}
        named = ("kept", "added", "removed", "added that can be sent")
        sentences.append("Of all days " + ", ".join(f"{name} {money(worth[name])}" for name in named) + ".")
    sentences += [f"{day['day']}: {day['note']}" for day in asked.summary["days"] if day["note"]]
    if sent := total["removed_sent"]:
        sentences.append(
            f"{sent} of the removed visits have been sent; they are marked withdrawn here, but Metrika keeps them."
        )
    return sentences


def markdown(asked: Sequence[WhatIf]) -> str:
    """What-ifs as one Markdown text for an approval.

    Args:
        asked: what-ifs, one per counter.

    Returns:
        A heading, sentences and a table for each; of a long range the last days and the sum.
    """
    return "\n\n".join(_section(one) for one in asked)


def _section(asked: WhatIf) -> str:
    rows = day_rows(asked)
    left_out = max(0, len(rows) - MOST_ROWS)
    lines = [
        f"### Counter {asked.counter_id}, {asked.first_day} to {asked.last_day}",
        "",
        *(f"- {sentence}" for sentence in describe(asked)),
        *([f"- The first {left_out} days are not shown, but are in the last row."] if left_out else []),
        "",
        "| " + " | ".join(name.replace("_", " ") for name in rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(map(str, row.values())) + " |" for row in rows[left_out:]),
    ]
    return "\n".join(lines)
