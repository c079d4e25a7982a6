"""A person in a thread, who answers what a run in this process asks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from include.days import utc_now

ANSWER_SECONDS = 120


@dataclass
class Person:
    """Answers every question of one DAG with the same word.

    Attributes:
        answer: Approve or Reject.
        name: who is noted.
        questions: bodies of the questions that were answered.
    """

    answer: str
    name: str = "anna"
    questions: list[str] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def answering(self) -> Iterator[Person]:
        """Answer while the block runs."""
        thread = threading.Thread(target=self._answer_all, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join(ANSWER_SECONDS)

    def _answer_all(self) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self._stop.is_set() and time.monotonic() < deadline:
            self._answer_open()
            self._stop.wait(0.2)

    def _answer_open(self) -> None:
        """What the route of Airflow's page does: note the answer, wake the task."""
        from airflow.models.hitl import HITLDetail
        from airflow.models.taskinstance import TaskInstance
        from airflow.models.trigger import handle_event_submit
        from airflow.triggers.base import TriggerEvent
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            for detail in session.scalars(select(HITLDetail).where(HITLDetail.responded_at.is_(None))).all():
                task = session.get(TaskInstance, detail.ti_id)
                if task is None or task.state != "awaiting_input":
                    continue
                self.questions.append(detail.body or "")
                detail.responded_by = {"id": "1", "name": self.name}
                detail.responded_at = utc_now()
                detail.chosen_options = [self.answer]
                detail.params_input = {}
                handle_event_submit(TriggerEvent(detail.as_resume_event_payload()), task_instance=task, session=session)
