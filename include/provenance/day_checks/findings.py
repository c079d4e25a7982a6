"""What a check found: the place, the row, the column, what is stored and what ought to be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from include.warehouse.day_comparing import SHOWN_ROWS, DayDifferences


@dataclass(frozen=True)
class Finding:
    """One thing that is not what the day's seal, or a new derivation, says.

    Attributes:
        stage: stage it belongs to: visits, hits, scores, upload.
        place: table or file.
        row: which row, in words; empty for the table as a whole.
        column: which column; empty for whole rows.
        stored: what is there.
        derived: what ought to be there.
        advice: what to do, one sentence.
    """

    stage: str
    place: str
    row: str
    column: str
    stored: str
    derived: str
    advice: str = ""

    @property
    def text(self) -> str:
        """The finding in one line."""
        where = ", ".join(part for part in (self.place, self.row, self.column) if part)
        return f"{where}: stored {self.stored}, should be {self.derived}"


@dataclass(frozen=True)
class Checked:
    """What one check found.

    Attributes:
        findings: the first 20.
        count: all of them.
    """

    findings: tuple[Finding, ...] = ()
    count: int = 0

    @classmethod
    def of(cls, findings: Iterable[Finding], count: int | None = None) -> Checked:
        """Show the first findings and count all.

        Args:
            findings: the findings.
            count: how many there are when not all are given.

        Returns:
            The check.
        """
        given = tuple(findings)
        return cls(given[:SHOWN_ROWS], max(len(given), count or 0))

    def __bool__(self) -> bool:
        return self.count > 0

    def __add__(self, other: Checked) -> Checked:
        """Both checks together."""
        return Checked((*self.findings, *other.findings), self.count + other.count)


NOTHING = Checked()


def cells_found(stage: str, place: str, differences: DayDifferences, advice: str) -> Checked:
    """Turn differing cells into findings, one per cell; every row is counted.

    Args:
        stage: the stage.
        place: the table.
        differences: what differs.
        advice: what to do.

    Returns:
        The check.
    """
    findings = [
        Finding(stage, place, f"visit {cell.key}", cell.column, cell.stored, cell.derived, advice)
        for cell in differences.cells
    ]
    return Checked(tuple(findings[:SHOWN_ROWS]), differences.row_count)
