"""Sending the uploads of a day one after another; a refused file is cut in halves to find its bad rows."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select

from include.conversions.ledger.drafts import UploadOrigin, open_upload, seal_upload
from include.conversions.ledger.families import free_relative_id
from include.conversions.ledger.standing import move_rows
from include.conversions.ledger.uploads import Upload, fail_upload
from include.conversions.rules.statuses import GOAL_NOT_FOUND
from include.conversions.sending.exactly_once import Route, send_upload
from include.days import utc_now
from include.errors import InputError, SourceRejected
from include.failpoints import failpoint
from include.progress import Progress, no_progress
from include.state.tables import conversions

logger = logging.getLogger(__name__)

BAD_FILE = "invalid_uploading"  # error_type of a file whose content is refused
MOST_HALVINGS = 32  # one bad row among a million needs 20


@dataclass(frozen=True)
class Delivery:
    """What became of some prepared uploads.

    Attributes:
        sent: uploads that Metrika has.
        refused: the last refusal when at least one file was refused, otherwise None.
    """

    sent: tuple[Upload, ...]
    refused: SourceRejected | None


def send_uploads(route: Route, uploads: Iterable[Upload], *, run_id: str, progress: Progress = no_progress) -> Delivery:
    """Send prepared uploads in order.

    Args:
        route: the way to Metrika.
        uploads: prepared uploads.
        run_id: the run that sends them, noted on halves.
        progress: told after each upload.

    Returns:
        What was sent, and whether something was refused for its content.

    Raises:
        InputError: the goal does not exist (code ``goal_not_found``); all uploads that were never sent are closed.
        SourceRejected: refused for another reason than the content of a file.
        SourceUnavailable: Metrika does not answer; what is left stays prepared.
    """
    waiting, sent, halvings = deque(uploads), list[Upload](), 0
    refused: SourceRejected | None = None
    while waiting:
        upload = waiting.popleft()
        try:
            sent.append(send_upload(route, upload))
        except InputError as error:
            _close_unsent(route, waiting, error)
            raise
        except SourceRejected as error:
            if error.error_type != BAD_FILE:
                raise
            refused = error
            logger.warning("upload %s with %d rows refused: %s", upload.upload_id, upload.row_count, error)
            if upload.row_count > 1 and halvings < MOST_HALVINGS:
                halvings += 1
                waiting.extendleft(reversed(_halve(route, upload, run_id)))
                failpoint("upload.halved")
        progress("sending conversions", len(sent), len(sent) + len(waiting))
    return Delivery(tuple(sent), refused)


def _close_unsent(route: Route, uploads: Iterable[Upload], error: InputError) -> None:
    with route.state.begin() as connection:
        for upload in uploads:
            if upload.sent_at is None:
                fail_upload(connection, upload.upload_id, stage=GOAL_NOT_FOUND, error=error.message, now=utc_now())


def _halve(route: Route, upload: Upload, run_id: str) -> list[Upload]:
    """Move the rows of a refused upload into two new ones; all or nothing."""
    origin = UploadOrigin(upload.counter_id, upload.target, upload.kind, run_id, upload.task_id, utc_now())
    c, middle, halves = conversions.c, upload.row_count // 2, []
    with route.state.begin() as connection:
        for bounds in (c.line_number <= middle, c.line_number > 0):
            half = free_relative_id(connection, upload.upload_id)
            open_upload(connection, origin, half)
            rows = select(c.conversion_id).where(c.upload_id == upload.upload_id, bounds)
            move_rows(connection, rows, half)
            halves.append(seal_upload(connection, half))
    return halves
