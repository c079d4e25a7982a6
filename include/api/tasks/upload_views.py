"""Uploads as callers see them, from the moment they are promised."""

from __future__ import annotations

from uuid import UUID

from include.api.context import ApiContext
from include.api.gate.problems import Refusal
from include.api.tasks.task_rows import TaskRow, task_of_upload, uploads_for
from include.api.tasks.task_views import DONE, TaskView, find_task, look
from include.conversions.reports import UploadStatus, nothing_to_send, task_statuses, upload_status
from include.conversions.rules.statuses import PREPARED, REFUSED
from include.state.engine import reachable


def view_of_upload(context: ApiContext, upload_id: str) -> UploadStatus:
    """See how an upload is.

    Args:
        context: of the app.
        upload_id: id given out for a call.

    Returns:
        Its status; of one whose run has not written anything yet, what can be told of the run.

    Raises:
        Refusal: there is no such upload (404).
    """
    if not _is_uuid(upload_id):
        raise _unknown()
    state = context.stores.state
    with reachable(state), state.connect() as connection:
        status = upload_status(connection, upload_id)
        row = None if status else task_of_upload(connection, upload_id)
    if status is not None:
        return status
    if row is None:
        raise _unknown()
    return _promised(upload_id, look(context, find_task(context, row.task_id)))


def views_of_task(context: ApiContext, task_id: str) -> list[UploadStatus]:
    """See the uploads that were asked for with a task.

    Args:
        context: of the app.
        task_id: a visits task, or a conversions job itself.

    Returns:
        One status per call, oldest first.
    """
    state = context.stores.state
    with reachable(state), state.connect() as connection:
        rows = uploads_for(connection, task_id)
        others = [] if rows else task_statuses(connection, task_id)
    return others + [view_of_upload(context, _upload_id(row)) for row in rows]


def _promised(upload_id: str, view: TaskView) -> UploadStatus:
    """An upload of which the ledger knows nothing: its run is on the way, failed, or found nothing to send."""
    if view.status == DONE:
        return nothing_to_send(upload_id, held=0, already_sent=0)
    is_failed = not view.is_open
    return UploadStatus(
        upload_id=upload_id,
        status="failed" if is_failed else "pending",
        errors=[view.error or view.message] if is_failed else None,
        processed=None,
        total=None,
        stage=REFUSED if is_failed else PREPARED,
        metrika_upload_ids=[],
        held=0,
        already_sent=0,
        goal_not_found=0,
        user_not_found=0,
    )


def _upload_id(row: TaskRow) -> str:
    return str(row.parameters["upload_id"])


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _unknown() -> Refusal:
    return Refusal(404, "upload_unknown", "Upload not found")
