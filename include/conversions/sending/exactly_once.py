"""Getting one prepared upload into Metrika exactly once.

Order of steps: look for the comment in Metrika's list, check the goal, write the file and compare its
digest, note that a send begins, POST, record the answer. A crash or a lost answer anywhere leaves a
prepared upload whose comment is looked up before anything is posted again.
"""

from __future__ import annotations

import datetime as dt
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_exponential

from include.conversions.ledger.drafts import write_upload
from include.conversions.ledger.standing import begin_send
from include.conversions.ledger.uploads import Upload, change_upload, fail_upload
from include.conversions.rules.statuses import GOAL_NOT_FOUND, REFUSED, UPLOADED
from include.conversions.sending.goals import ensure_goal
from include.days import utc_now
from include.errors import InputError, SourceRejected, StoreConflict
from include.failpoints import failpoint
from include.metrika.client.answers import AnswerLost
from include.metrika.client.conversions_api import ConversionsApi, Uploading

logger = logging.getLogger(__name__)

# A request whose sender died may still be on its way; only after this time does an absent comment mean
# that nothing arrived.
SETTLE_SECONDS = 15.0
MOST_POSTS = 3


@dataclass(frozen=True)
class Route:
    """How uploads get to Metrika.

    Attributes:
        state: the state engine.
        api: Metrika.
        create_goal: create a missing goal.
        settle_seconds: how long after a send without answer the upload may still appear in Metrika's list.
    """

    state: Engine
    api: ConversionsApi
    create_goal: bool
    settle_seconds: float = SETTLE_SECONDS


def send_upload(route: Route, upload: Upload) -> Upload:
    """Send one prepared upload, or find out that Metrika already has it.

    Args:
        route: the way to Metrika.
        upload: prepared, perhaps interrupted while it was being sent.

    Returns:
        The upload, now with Metrika's id.

    Raises:
        InputError: the goal does not exist (code ``goal_not_found``); the upload is closed as ``goal_not_found``.
        SourceRejected: Metrika refused; the upload is closed as ``refused`` when it certainly was not taken.
        SourceUnavailable: Metrika does not answer; the upload stays prepared.
        StoreConflict: the ledger no longer gives the bytes that were prepared.
    """
    with _closing_refused(route, upload, is_certain=upload.sent_at is None):
        found = _look_up(route, upload)
    failpoint("upload.looked_up")
    if found is None:
        with _closing_refused(route, upload, is_certain=True):
            ensure_goal(route.api, upload.counter_id, upload.target, create=route.create_goal)
            failpoint("upload.goal_checked")
            found = _post(route, upload)
    else:
        logger.info("upload %s found at Metrika as %d, not sent again", upload.upload_id, found.upload_id)
    failpoint("upload.posted")
    sent = _record(route, upload, found)
    failpoint("upload.recorded")
    return sent


def reconcile_upload(route: Route, upload: Upload) -> Upload | None:
    """Find out whether a send that was interrupted arrived, and send nothing.

    Args:
        route: the way to Metrika.
        upload: prepared, a send of it was begun.

    Returns:
        The upload, now with Metrika's id; None when nothing arrived: it counts as never sent from here on.

    Raises:
        SourceRejected: Metrika refuses to show its list.
        SourceUnavailable: Metrika does not answer; nothing is known, so nothing changes.
    """
    found = _look_up(route, upload)
    if found is not None:
        return _record(route, upload, found)
    with route.state.begin() as connection:
        change_upload(connection, upload.upload_id, sent_at=None)
    return None


@contextmanager
def _closing_refused(route: Route, upload: Upload, *, is_certain: bool) -> Iterator[None]:
    """Close the upload when Metrika says no, unless an earlier send of it may have been taken."""
    try:
        yield
    except (InputError, SourceRejected) as error:
        if is_certain:
            stage = GOAL_NOT_FOUND if isinstance(error, InputError) else REFUSED
            with route.state.begin() as connection:
                fail_upload(connection, upload.upload_id, stage=stage, error=error.message, now=utc_now())
        raise


def _look_up(route: Route, upload: Upload) -> Uploading | None:
    """Find the upload in Metrika's list; after a send without answer, look until it would have arrived."""
    patience = 0.0
    if upload.sent_at is not None:
        patience = max(0.0, route.settle_seconds - (utc_now() - upload.sent_at).total_seconds())
    looking = Retrying(
        retry=retry_if_result(lambda found: found is None),
        stop=stop_after_delay(patience),
        wait=wait_exponential(multiplier=0.1, max=5),
        retry_error_callback=lambda state: None,
    )
    return looking(route.api.find_uploading, upload.counter_id, upload.comment)


def _post(route: Route, upload: Upload) -> Uploading:
    with tempfile.TemporaryDirectory(prefix="counterflow-upload-") as folder:
        file = Path(folder) / f"{upload.comment}.csv"
        _write_checked(route, upload, file)
        failpoint("upload.file_written")
        for number in range(1, MOST_POSTS + 1):
            with route.state.begin() as connection:
                upload = begin_send(connection, upload.upload_id, utc_now())
            failpoint("upload.marked")
            try:
                return route.api.upload(upload.counter_id, file, upload.comment)
            except AnswerLost as error:
                logger.warning("answer to upload %s lost, try %d: %s", upload.upload_id, number, error)
                lost = error
            found = _look_up(route, upload)
            if found is not None:
                return found
    raise lost


def _write_checked(route: Route, upload: Upload, file: Path) -> None:
    with route.state.connect() as connection, file.open("wb") as stream:
        facts = write_upload(connection, upload, stream)
    if facts.sha256 != upload.file_sha256:
        raise StoreConflict(
            f"The ledger rows of upload {upload.upload_id} (counter {upload.counter_id}) no longer give the file that "
            "was prepared; nothing was sent. Restore the ledger from a backup."
        )


def _record(route: Route, upload: Upload, found: Uploading) -> Upload:
    now: dt.datetime = utc_now()
    with route.state.begin() as connection:
        sent = change_upload(
            connection,
            upload.upload_id,
            stage=UPLOADED,
            metrika_upload_id=found.upload_id,
            metrika_status=found.status,
            sent_at=upload.sent_at or now,
            checked_at=now,
            source_quantity=found.source_quantity,
            line_quantity=found.line_quantity,
            linked_quantity=found.linked_quantity,
            goal_not_found_quantity=found.goal_not_found_quantity,
            user_not_found_quantity=found.user_not_found_quantity,
        )
    logger.info(
        "upload %s is %d at Metrika, counter %d, rows %d",
        sent.upload_id,
        found.upload_id,
        sent.counter_id,
        sent.row_count,
    )
    return sent
