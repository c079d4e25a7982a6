"""A file of labels for an evaluation: ``visit_id,label``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from include.errors import InputError
from include.visits.labels.csv_rows import iter_label_rows
from include.visits.labels.delimited import BadRows


@dataclass(frozen=True)
class LabelFile:
    """Labels by visit.

    Attributes:
        labels: 0 or 1 by visit id.
        duplicates: further lines that say the same of a visit again.
    """

    labels: dict[int, int]
    duplicates: int


def read_labels(path: Path) -> LabelFile:
    """Read a file of labels whole.

    Args:
        path: CSV with the header ``visit_id,label`` (0 or 1), or ``visit_id,level`` (4 and above is 1).

    Returns:
        The labels.

    Raises:
        InputError: the file cannot be read, has bad rows, or says different things of the same visit.
    """
    bad = BadRows(path)
    labels: dict[int, int] = {}
    lines: dict[int, str] = {}
    rows = 0
    for chunk in iter_label_rows(path, ZoneInfo("UTC"), bad):
        for text in chunk.decode().splitlines():
            line, visit, label, *_ = text.split("\t")
            visit_id, rows = int(visit), rows + 1
            if labels.setdefault(visit_id, int(label)) != int(label):
                raise InputError(
                    f"{path}: lines {lines[visit_id]} and {line} say different things of visit {visit_id}; keep one.",
                    code="contradictory_labels",
                    pointer=str(path),
                )
            lines.setdefault(visit_id, line)
    bad.refuse()
    return LabelFile(labels, rows - len(labels))
