"""Sending what lies prepared under one id: a single conversion, or files that an interrupted run left."""

from __future__ import annotations

from sqlalchemy import Engine

from include.conversions.ledger.families import family_of
from include.conversions.ledger.uploads import Upload, day_of
from include.conversions.rules.statuses import PREPARED
from include.conversions.sending.delivery import Delivery, send_uploads
from include.conversions.sending.exactly_once import SETTLE_SECONDS, Route
from include.errors import InputError
from include.metrika.client.conversions_api import ConversionsApi
from include.settings import ConversionSettings
from include.state.engine import reachable
from include.state.locks import day_lock


def send_prepared(
    state: Engine,
    api: ConversionsApi,
    *,
    upload_id: str,
    settings: ConversionSettings,
    run_id: str,
    settle_seconds: float = SETTLE_SECONDS,
) -> Delivery:
    """Send an upload that was prepared earlier; safe to repeat.

    Args:
        state: the state engine.
        api: Metrika.
        upload_id: id given out when it was prepared.
        settings: whether a missing goal is created.
        run_id: name of this run, for the records.
        settle_seconds: how long after a send without answer the upload may still appear at Metrika.

    Returns:
        What was sent in this run; nothing when all of it had been sent before.

    Raises:
        InputError: no such upload (code ``upload_unknown``), or no such goal (code ``goal_not_found``).
        SourceRejected: Metrika refused; the upload is closed.
        SourceUnavailable: Metrika does not answer; run again, nothing is sent twice.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    with reachable(state):
        first = _read(state, upload_id)[0]
        with state.connect() as connection:
            day = day_of(connection, upload_id)
        if day is None:
            return Delivery((), None)
        with day_lock(state, first.counter_id, [day], purpose="upload"):
            waiting = [upload for upload in _read(state, upload_id) if upload.stage == PREPARED]
            route = Route(state, api, settings.create_goal, settle_seconds)
            delivery = send_uploads(route, waiting, run_id=run_id)
    if delivery.refused is not None and not delivery.sent:
        raise delivery.refused
    return delivery


def _read(state: Engine, upload_id: str) -> list[Upload]:
    with state.connect() as connection:
        family = family_of(connection, upload_id)
    if not family:
        raise InputError(f"There is no upload {upload_id}.", code="upload_unknown", pointer="/upload_id")
    return family
