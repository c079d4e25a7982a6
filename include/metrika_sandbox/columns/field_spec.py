"""What one field of the sandbox is, and small ways to make its values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.visitors.ids import to_text

View = Any  # VisitView or HitView, as the source of the field says
Render = Callable[[View, Dialect], list[str]]


@dataclass(frozen=True)
class FieldSpec:
    """One field.

    Attributes:
        type_name: documented type in ClickHouse words.
        render: writes the field of every row.
    """

    type_name: str
    render: Render


Fields = dict[str, FieldSpec]


def numbers(value: Callable[[View], Any]) -> Render:
    """Write whole numbers of the view, one for each row."""
    return lambda view, dialect: to_text(value(view))
