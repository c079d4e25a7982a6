"""Offline conversions: goals, uploads and their status. One method per call, no decisions."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from include.errors import InputError
from include.metrika.client.answers import ApiCall
from include.metrika.client.multipart import FileBody
from include.metrika.client.session import MetrikaSession
from include.metrika.client.shapes import (
    Json,
    iter_objects,
    need_int,
    read_instant,
    read_int,
    read_text,
    take_object,
)  # fmt: skip
from include.metrika.client.transport import UPLOAD_READ_SECONDS, HttpCall

PAGE_SIZE = 10_000  # uploads per page of the list
COMMENT = re.compile(r"[0-9A-Za-zА-Яа-яЁё]{1,255}")  # documented: digits and letters only
ACTION, EXACT = "action", "exact"


@dataclass(frozen=True)
class GoalCondition:
    """One condition of a goal.

    Attributes:
        type: for example ``exact``.
        url: the identifier or address it compares with.
    """

    type: str
    url: str


@dataclass(frozen=True)
class Goal:
    """A goal of a counter.

    Attributes:
        goal_id: its number.
        name: its name.
        type: for example ``action`` (JavaScript event).
        conditions: its conditions.
    """

    goal_id: int
    name: str
    type: str
    conditions: tuple[GoalCondition, ...]

    def is_target(self, target: str) -> bool:
        """Whether uploads may name this goal by that identifier."""
        return self.type == ACTION and GoalCondition(EXACT, target) in self.conditions


@dataclass(frozen=True)
class Uploading:
    """An upload as Metrika shows it.

    Attributes:
        upload_id: its number.
        status: word of the API.
        comment: as given with the file.
        source_quantity: rows of the file; None while unknown.
        line_quantity: rows that passed validation.
        linked_quantity: rows linked to a visit.
        goal_not_found_quantity: rows whose target does not exist.
        user_not_found_quantity: rows whose identifier is unknown.
        created_at: aware UTC; None when not told.
    """

    upload_id: int
    status: str
    comment: str
    source_quantity: int | None = None
    line_quantity: int | None = None
    linked_quantity: int | None = None
    goal_not_found_quantity: int | None = None
    user_not_found_quantity: int | None = None
    created_at: dt.datetime | None = None


def find_goal(goals: Iterable[Goal], target: str) -> Goal | None:
    """Find the goal that a target names.

    Args:
        goals: goals of the counter.
        target: identifier of a JavaScript-event goal.

    Returns:
        The goal with an exact condition of that identifier, or None.
    """
    return next((goal for goal in goals if goal.is_target(target)), None)


def check_comment(comment: str) -> str:
    """Refuse a comment that Metrika would not take.

    Args:
        comment: token of a batch.

    Returns:
        The comment.

    Raises:
        InputError: not 1 to 255 digits and Latin or Cyrillic letters (code ``bad_comment``).
    """
    if not COMMENT.fullmatch(comment):
        raise InputError(
            f"The upload comment {comment[:40]!r} must be 1 to 255 digits and letters, without spaces or marks.",
            code="bad_comment",
            pointer="/comment",
        )
    return comment


def _read_goal(shape: Json, asked: str) -> Goal:
    conditions = tuple(
        GoalCondition(read_text(condition, "type"), read_text(condition, "url"))
        for condition in iter_objects(shape, "conditions")
    )
    return Goal(need_int(shape, "id", asked), read_text(shape, "name"), read_text(shape, "type"), conditions)


def _read_uploading(shape: Json, asked: str) -> Uploading:
    return Uploading(
        upload_id=need_int(shape, "id", asked),
        status=read_text(shape, "status"),
        comment=read_text(shape, "comment"),
        source_quantity=read_int(shape, "source_quantity"),
        line_quantity=read_int(shape, "line_quantity"),
        linked_quantity=read_int(shape, "linked_quantity"),
        goal_not_found_quantity=read_int(shape, "goal_not_found_quantity"),
        user_not_found_quantity=read_int(shape, "user_not_found_quantity"),
        created_at=read_instant(shape, "create_time"),
    )


class ConversionsApi:
    """The calls of offline conversions.

    Args:
        session: transport, quota and retries.
    """

    def __init__(self, session: MetrikaSession) -> None:
        self._session = session

    def goals(self, counter_id: int) -> tuple[Goal, ...]:
        """List the goals of a counter.

        Args:
            counter_id: the counter.

        Returns:
            The goals.
        """
        call = ApiCall("list the goals", counter_id)
        body = self._session.call(call, HttpCall("GET", "/goals"))
        return tuple(_read_goal(shape, str(call)) for shape in iter_objects(body, "goals"))

    def create_goal(self, counter_id: int, target: str, name: str = "") -> Goal:
        """Create a JavaScript-event goal; needs the scope metrika:write; never repeated blindly.

        Args:
            counter_id: the counter.
            target: identifier of the goal.
            name: its name; the target when empty.

        Returns:
            The new goal.

        Raises:
            AnswerLost: the goal may exist; look at :meth:`goals` before creating it again.
        """
        call = ApiCall("create a goal", counter_id, is_creating=True)
        goal = {"name": name or target, "type": ACTION, "conditions": [{"type": EXACT, "url": target}]}
        body = self._session.call(call, HttpCall("POST", "/goals", json={"goal": goal}))
        return _read_goal(take_object(body, "goal", str(call)), str(call))

    def upload(self, counter_id: int, file: Path | bytes, comment: str, *, client_id_type: str = "") -> Uploading:
        """Upload a file of conversions; streamed; never repeated blindly.

        Args:
            counter_id: the counter.
            file: CSV file by path or as bytes, under 1 GB.
            comment: token of the batch, under which the upload is found again.
            client_id_type: CLIENT_ID, USER_ID or YCLID for an old API; left out when empty.

        Returns:
            The new upload.

        Raises:
            AnswerLost: Metrika may have the file; look at :meth:`find_uploading` before sending it again.
            InputError: the comment cannot be one.
            SourceRejected: refused, with Metrika's message.
        """
        params = {"comment": check_comment(comment)}
        if client_id_type:
            params["client_id_type"] = client_id_type
        call = ApiCall("upload conversions", counter_id, is_creating=True)
        http = HttpCall(
            "POST", "/offline_conversions/upload", params=params,
            headers={"Content-Type": FileBody.CONTENT_TYPE}, read_seconds=UPLOAD_READ_SECONDS,
        )  # fmt: skip
        with FileBody(file) as body:
            answer = self._session.call(call, http, body=body.rewound)
        return _read_uploading(take_object(answer, "uploading", str(call)), str(call))

    def uploadings(self, counter_id: int) -> list[Uploading]:
        """List every upload of a counter.

        Args:
            counter_id: the counter.

        Returns:
            The uploads in the order of the answers.
        """
        return list(self._iter_uploadings(counter_id))

    def find_uploading(self, counter_id: int, comment: str) -> Uploading | None:
        """Find an upload by the comment it was sent with.

        Args:
            counter_id: the counter.
            comment: token of the batch.

        Returns:
            The first upload with exactly this comment, or None.
        """
        return next((one for one in self._iter_uploadings(counter_id) if one.comment == comment), None)

    def uploading(self, counter_id: int, upload_id: int) -> Uploading:
        """Show one upload.

        Args:
            counter_id: the counter.
            upload_id: the upload.

        Returns:
            Its present state.
        """
        call = ApiCall("show upload", counter_id, upload_id)
        body = self._session.call(call, HttpCall("GET", f"/offline_conversions/uploading/{upload_id}"))
        return _read_uploading(take_object(body, "uploading", str(call)), str(call))

    def _iter_uploadings(self, counter_id: int) -> Iterator[Uploading]:
        call = ApiCall("list the uploads", counter_id)
        seen: set[int] = set()
        offset = 0
        while True:
            params = {"limit": str(PAGE_SIZE), "offset": str(offset)}
            body = self._session.call(call, HttpCall("GET", "/offline_conversions/uploadings", params=params))
            page = [_read_uploading(shape, str(call)) for shape in iter_objects(body, "uploadings")]
            fresh = [one for one in page if one.upload_id not in seen]
            yield from fresh
            seen.update(one.upload_id for one in fresh)
            offset += len(page)
            if len(page) < PAGE_SIZE or not fresh:
                return
