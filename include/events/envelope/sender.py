"""Who sent a batch, as far as the rules of events care."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DEVICE_SOURCES = ("mobile", "kafka")  # the routes of devices, and the topic their messages travel through


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent a batch and what that allows.

    Attributes:
        principal: ``account:<id>``, ``key:<id>``, ``airflow:<name>``, ``kafka``.
        source: source of events that name none, one of ``shapes.SOURCES``.
        may_backfill: events may be older than the project usually takes.
        only_user_id: a student: every event must be of this user; None for all others.
        only_courses: a teacher: every event must be of one of these courses; None for all others.
    """

    principal: str
    source: str
    may_backfill: bool = False
    only_user_id: str | None = None
    only_courses: frozenset[str] | None = None

    @property
    def is_device(self) -> bool:
        """Whether it speaks for devices, whose clocks may be unset: their events need no time."""
        return self.source in DEVICE_SOURCES

    def to_record(self) -> dict[str, Any]:
        """The sender as a JSON object, for the quarantine."""
        return {
            "principal": self.principal,
            "source": self.source,
            "may_backfill": self.may_backfill,
            "only_user_id": self.only_user_id,
            "only_courses": None if self.only_courses is None else sorted(self.only_courses),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Sender:
        """Read a sender back.

        Args:
            record: what ``to_record`` gave.

        Returns:
            The sender.

        >>> Sender.from_record(Sender("kafka", "kafka").to_record())
        Sender(principal='kafka', source='kafka', may_backfill=False, only_user_id=None, only_courses=None)
        """
        courses = record["only_courses"]
        return cls(
            principal=record["principal"],
            source=record["source"],
            may_backfill=record["may_backfill"],
            only_user_id=record["only_user_id"],
            only_courses=None if courses is None else frozenset(courses),
        )
