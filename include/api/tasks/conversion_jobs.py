"""Routes of offline conversions: many from a task, a single one, how an upload is."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from fastapi import Request, Response

from include.api.context import ApiContext
from include.api.gate.policies import CONVERSIONS_ANCHOR, READ, Rules, write
from include.api.gate.problems import invalid
from include.api.gate.routing import Routes
from include.api.tasks.jobs import (
    Asker,
    JobOrder,
    forget_job,
    new_task_id,
    start_job,
    store_job,
    take_job,
    upload_id_of,
)
from include.api.tasks.shapes import BulkBody, SingleBody, UploadTaken, UploadView
from include.api.tasks.sources import JobSource, counter_zone, only_counter, resolve_source
from include.api.tasks.task_rows import CONVERSIONS, VISITS, TaskRow, read_task, task_of_upload
from include.api.tasks.task_views import TaskRef, find_task, look, parts_of
from include.api.tasks.upload_views import view_of_upload
from include.api.tasks.visit_tasks import asker_of, require_done, status_link
from include.conversions.ledger.batches import DayPlan, DayPreview, preview_day
from include.conversions.ledger.drafts import UploadOrigin
from include.conversions.reports import nothing_to_send
from include.conversions.rules.identifiers import IdentifierKind, check_target
from include.conversions.rules.statuses import PREPARED
from include.conversions.single import SingleConversion, SingleOutcome, prepare_single, read_single
from include.days import utc_now
from include.errors import CounterflowError
from include.progress import no_progress
from include.state.engine import reachable


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the routes of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    conversions = ConversionJobs(context)
    writing = Rules(write(CONVERSIONS_ANCHOR), is_idempotent=True)
    options: dict[str, Any] = {"tags": ["conversions"]}
    taken: dict[str, Any] = {"status_code": 202, "response_model": UploadTaken}
    routes.add(
        "POST",
        "/conversions/bulk",
        conversions.bulk,
        writing,
        errors=(404, 409),
        responses={200: {"model": UploadTaken, "description": "Nothing left to send, or an equal job is open"}},
        summary="Send the level 4+ visits of a finished task",
        **taken,
        **options,
    )
    routes.add(
        "POST",
        "/conversions/single",
        conversions.single,
        writing,
        errors=(409,),
        responses={200: {"model": UploadTaken, "description": "The same row was taken before"}},
        summary="Send one conversion",
        **taken,
        **options,
    )
    routes.add(
        "GET",
        "/conversions/{upload_id}/status",
        conversions.status,
        Rules(READ),
        errors=(404,),
        response_model=UploadView,
        summary="How an upload is",
        **options,
    )


class ConversionJobs:
    """Endpoints of offline conversions.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def bulk(self, body: BulkBody, request: Request, response: Response) -> dict[str, Any]:
        """Send those level 4+ visits of a finished task that have not been sent yet."""
        target = check_target(body.target or self._context.settings.conversions.target)
        source = resolve_source(self._context, body)
        ref = find_task(self._context, body.task_id, body.dag_id)
        day, counter_id = self._part(body, ref)
        view = look(self._context, ref)
        require_done(view.status, view.error)
        order = _bulk_order(body, source, day, counter_id, target)
        preview = self._preview(order, counter_id, day, target, include_old=body.include_old)
        if preview.to_send == 0:
            response.status_code = 200
            upload_id = upload_id_of(new_task_id(CONVERSIONS, asker_of(request).claim))
            return asdict(nothing_to_send(upload_id, held=preview.held, already_sent=preview.already_sent))
        taken = take_job(self._context, order, asker_of(request))
        self._locate(request, response, taken.row.task_id, is_new=taken.is_new)
        return {"upload_id": taken.row.parameters["upload_id"], "status": "pending"}

    def single(self, body: SingleBody, request: Request, response: Response) -> dict[str, Any]:
        """Send one conversion; a time without an offset is local to the counter."""
        source = resolve_source(self._context, body)
        counter_id = only_counter(source.counter_ids)
        conversion = read_single(
            counter_id,
            counter_zone(self._context, source.token, counter_id),
            target=body.target,
            date_time=body.date_time,
            identifiers={kind.field: getattr(body, kind.field) for kind in IdentifierKind},
            price=body.price,
            currency=body.currency,
        )
        outcome, row = self._take_single(conversion, source, asker_of(request), resend=body.resend)
        self._locate(request, response, row.task_id if row else "", is_new=outcome.is_new)
        status = "pending" if outcome.is_new else view_of_upload(self._context, outcome.upload_id).status
        warnings = {"warnings": list(outcome.warnings)} if outcome.warnings else {}
        return {"upload_id": outcome.upload_id, "status": status, **warnings}

    def status(self, upload_id: str) -> dict[str, Any]:
        """Tell how an upload is; further files and repeats of it are counted together."""
        return asdict(view_of_upload(self._context, upload_id))

    def _part(self, body: BulkBody, ref: TaskRef) -> tuple[dt.date, int]:
        if ref.kind != VISITS:
            raise invalid("/task_id", "This is not a visits task; name one that scored a day.", "wrong_task_kind")
        parts = parts_of(self._context, ref)
        counter_ids = {counter_id for _, counter_id in parts}
        if body.counter is not None and counter_ids and body.counter not in counter_ids:
            raise invalid("/counter", "The task was for another counter.", "counter_mismatch")
        chosen = [part for part in parts if body.counter in (None, part[1])]
        if not chosen:
            raise invalid("/task_id", "The task names no day of a known counter.", "no_day")
        if len({day for day, _ in chosen}) > 1:
            raise invalid("/task_id", "The task is for several days; create one task per day.", "several_days")
        return chosen[0][0], only_counter(counter_id for _, counter_id in chosen)

    def _preview(self, order: JobOrder, counter_id: int, day: dt.date, target: str, *, include_old: bool) -> DayPreview:
        stores = self._context.stores
        origin = UploadOrigin(counter_id, target, IdentifierKind.CLIENT_ID, "", "", utc_now())
        settings = self._context.settings.conversions
        plan = DayPlan(stores.warehouse, origin, day, settings, include_old, None, no_progress)
        with reachable(stores.state), stores.state.connect() as connection:
            return preview_day(connection, plan)

    def _take_single(
        self, conversion: SingleConversion, source: JobSource, asker: Asker, *, resend: bool
    ) -> tuple[SingleOutcome, TaskRow | None]:
        """Write the job down, then the ledger, then start the run: a crash in between is finished by a retry."""
        state, order = self._context.stores.state, _single_order(conversion, source)
        task_id = new_task_id(CONVERSIONS, asker.claim)
        with reachable(state), state.connect() as connection:
            known = read_task(connection, task_id)
        row = known or store_job(self._context, order, asker, task_id)
        own_upload = upload_id_of(task_id)
        try:
            outcome = prepare_single(
                state, conversion, run_id=task_id, task_id=task_id, resend=resend, upload_id=own_upload
            )
        except CounterflowError:
            forget_job(state, row)
            raise
        if outcome.upload_id == own_upload:
            start_job(self._context, row, order)
            return SingleOutcome(own_upload, True, outcome.warnings), row
        forget_job(state, row)
        return outcome, self._resume(outcome.upload_id, order)

    def _resume(self, upload_id: str, order: JobOrder) -> TaskRow | None:
        """Start the run of an earlier call that ended before it could."""
        state = self._context.stores.state
        with reachable(state), state.connect() as connection:
            row = task_of_upload(connection, upload_id)
        if row is not None and view_of_upload(self._context, upload_id).stage == PREPARED:
            start_job(self._context, row, order)
        return row

    def _locate(self, request: Request, response: Response, task_id: str, *, is_new: bool) -> None:
        response.status_code = 202 if is_new else 200
        if task_id:
            response.headers["Location"] = status_link(self._context, request, task_id)


def _bulk_order(body: BulkBody, source: JobSource, day: dt.date, counter_id: int, target: str) -> JobOrder:
    asked = {"date": day.isoformat(), "counters": [counter_id], "target": target, "include_old": body.include_old}
    return JobOrder(
        CONVERSIONS,
        {**asked, "task_id": body.task_id},
        asked,
        token=source.token if source.is_own_token else None,
    )


def _single_order(conversion: SingleConversion, source: JobSource) -> JobOrder:
    asked = {
        "date": conversion.moment.day.isoformat(),
        "counters": [conversion.counter_id],
        "target": conversion.target,
        "single": True,
    }
    return JobOrder(CONVERSIONS, asked, asked, token=source.token if source.is_own_token else None)
