"""A passport as a page for the terminal: the story in the order in which it happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

MOST_HITS = 12  # shown; the rest is counted
Block = Mapping[str, Any]


def print_passport(found: Block, *, is_verified: bool) -> None:
    """Print a passport.

    Args:
        found: the passport as its JSON has it.
        is_verified: it was derived again.
    """
    console, times, runs = Console(), found["times"], found["runs"]
    console.print(Panel(escape(found["decision"]["why"]), title=_title(found), title_align="left"))
    _step(console, "Visit", found["visit"], loaded=times["visits_loaded_at"], run=runs["load"])
    if found["hits"]:
        console.print(_hits(found["hits"]))
    _step(console, "Features", found["features"])
    if found["rule"]:
        console.print(_rule(found["rule"]))
    _step(
        console, "Model", found["model"], registered=times["model_registered_at"], promoted=times["model_promoted_at"]
    )
    decision = {name: value for name, value in found["decision"].items() if name != "why"}
    _step(console, "Decision", decision, scored=times["scored_at"], run=runs["score"])
    _step(console, "Row", found["row"], decided=times["decided_at"])
    _step(
        console, "Upload", found["batch"], prepared=times["prepared_at"], sent=times["sent_at"], run=runs["upload"],
        task=runs["task"],
    )  # fmt: skip
    _step(console, "Metrika", found["metrika"], finished=times["finished_at"])
    if is_verified:
        console.print(_verdict(found))


def _title(found: Block) -> str:
    row, visit = found["row"], found["visit"]
    if row is not None:
        return escape(f"Conversion of {row['identifier']}, goal {row['target']}, counter {row['counter']}")
    return escape(f"Visit {visit['visit_id']}, counter {visit['counter']}") if visit else "Conversion"


def _step(console: Console, title: str, block: Block | None, **more: Any) -> None:
    """One step; what does not belong to this conversion is left out."""
    if block is None:
        return
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")  # digests stay whole
    known = {name: value for name, value in more.items() if value is not None}
    for name, value in {**block, **known}.items():
        table.add_row(name.replace("_", " "), _text(value))
    console.print(table)


def _hits(hits: list[Block]) -> RenderableType:
    table = Table(title=f"Hits ({len(hits)})", title_justify="left")
    table.add_column("watch id")
    table.add_column("time")
    for hit in hits[:MOST_HITS]:
        table.add_row(hit["watch_id"], hit["time"])
    if len(hits) > MOST_HITS:
        table.add_row(f"and {len(hits) - MOST_HITS} more", "")
    return table


def _rule(rule: Block) -> RenderableType:
    name = next(iter(rule))
    table = Table(title=f"Rule {name}: {'holds' if rule[name] else 'does not hold'}", title_justify="left")
    for heading in ("part", "value", "at least", "holds"):
        table.add_column(heading)
    for part in rule["parts"]:
        table.add_row(part["name"].replace("_", " "), str(part["value"]), str(part["at_least"]), _text(part["holds"]))
    return table


def _verdict(found: Block) -> RenderableType:
    if found["verified"]:
        return Panel("Derived again from the stored data: every value came out the same.", border_style="green")
    table = Table(title="Differs when derived again", title_justify="left")
    for heading in ("field", "stored", "derived"):
        table.add_column(heading)
    for one in found["mismatches"]:
        table.add_row(one["field"], _text(one["stored"]), _text(one["derived"]))
    return table


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Iterable) and not isinstance(value, str):
        return escape(", ".join(map(str, value)))
    return escape(str(value))
