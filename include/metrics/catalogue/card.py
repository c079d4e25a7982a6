"""The card of a metric: its definition to the letter, and the digest that names it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.metrics.names import Metric

Bounds = tuple[float | None, float | None]
SHARE: Bounds = (0.0, 1.0)
NOT_NEGATIVE: Bounds = (0.0, None)


@dataclass(frozen=True)
class Card:
    """One definition of one metric.

    Attributes:
        metric: which of the six.
        version: 1, the seed's formula with its errors removed, or 2, field practice.
        unit: unit of the value of one person.
        course_unit: unit of the mean over the people of a course.
        formula: how the value follows from the events of one person and course in one period.
        parameters: everything that could have been chosen otherwise, the zone of the days included.
        bounds: least and greatest value; None where there is no bound.
        sample: what sample_n counts.
        null_rule: when there is no value, and when there is no row.
        source: where the definition comes from.
        is_ratio: whether numerator and denominator are stored, so that shares can be pooled.
    """

    metric: Metric
    version: int
    unit: str
    course_unit: str
    formula: str
    parameters: Mapping[str, Any] = field(hash=False)
    bounds: Bounds
    sample: str
    null_rule: str
    source: str
    is_ratio: bool

    def document(self) -> dict[str, Any]:
        """The card as it is stored.

        Returns:
            Plain JSON values.
        """
        return {
            "metric": str(self.metric),
            "version": self.version,
            "unit": self.unit,
            "course_unit": self.course_unit,
            "formula": self.formula,
            "parameters": dict(self.parameters),
            "bounds": list(self.bounds),
            "sample": self.sample,
            "null_rule": self.null_rule,
            "source": self.source,
            "is_ratio": self.is_ratio,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the document as canonical JSON, hex: the name of this definition."""
        text = json.dumps(self.document(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()
