"""Which token and counters a job works with, and which day is over for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from include.api.context import ApiContext
from include.api.gate.problems import Refusal, invalid
from include.api.tasks.shapes import JobBody
from include.errors import ConfigError, DayNotReady, SourceError
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.retry import RetryPolicy
from include.metrika.client.session import MetrikaSession
from include.metrika.client.transport import check_token
from include.secret import Secret
from include.settings import Settings
from include.state.counters import Counter, read_counter, write_counter
from include.state.engine import reachable

# A person waits for the answer: one more try, then the job itself finds out.
HASTY = RetryPolicy(first_wait_seconds=0.2, cap_seconds=1.0, outage_tries=2, quota_tries=2, patience_seconds=2.0)
UTC = ZoneInfo("UTC")


@dataclass(frozen=True)
class JobSource:
    """Where a job gets its data.

    Attributes:
        token: token it uses.
        is_own_token: the token is not the one that tasks find by themselves, and has to be handed to them.
        counter_ids: counters, at least one.
        connection_id: stored connection the caller named, or None.
    """

    token: Secret
    is_own_token: bool
    counter_ids: tuple[int, ...]
    connection_id: str | None


def resolve_source(context: ApiContext, body: JobBody) -> JobSource:
    """Find token and counters: body, named connection, default connection, environment.

    Args:
        context: of the app.
        body: what the caller gave.

    Returns:
        The source.

    Raises:
        Refusal: one of both is given nowhere (400), or cannot be used (422).
    """
    settings = context.settings.metrika
    token, counter_ids = settings.token, settings.counter_ids
    if body.connection_id is not None:
        found = context.orchestrator.connection(body.connection_id)
        if found is None:
            raise invalid("/connection_id", "There is no Airflow connection of this id.", "connection_unknown")
        token, counter_ids = found.token, found.counter_ids or counter_ids
    if body.token is not None:
        token = _body_token(context, body.token)
    if token is None:
        raise Refusal(400, "parameter_missing", "token is required (in body or env)")
    if body.counter is not None:
        counter_ids = (body.counter,)
    if not counter_ids:
        raise Refusal(400, "parameter_missing", "counter is required (in body or env)")
    is_own_token = body.token is not None or body.connection_id is not None
    return JobSource(token, is_own_token, counter_ids, body.connection_id)


def only_counter(counter_ids: Iterable[int]) -> int:
    """Give the one counter of a job that can have only one.

    Args:
        counter_ids: the counters found.

    Returns:
        The counter.

    Raises:
        Refusal: there are several.
    """
    first, *others = counter_ids
    if others:
        raise invalid("/counter", "Several counters are possible here; name one.", "ambiguous_counter")
    return first


def zone_to_check(context: ApiContext, source: JobSource, counter_id: int) -> ZoneInfo:
    """Give the zone in which a day is looked at before a job is taken.

    Args:
        context: of the app.
        source: token to ask Metrika with.
        counter_id: the counter.

    Returns:
        The counter's zone; UTC when Metrika cannot be asked, for the job itself looks again.
    """
    try:
        return counter_zone(context, source.token, counter_id)
    except (SourceError, ConfigError):
        return UTC


def counter_zone(context: ApiContext, token: Secret, counter_id: int) -> ZoneInfo:
    """Give a counter's zone, from the state or else from Metrika.

    Args:
        context: of the app.
        token: token to ask Metrika with.
        counter_id: the counter.

    Returns:
        The zone.

    Raises:
        SourceError: Metrika was asked and does not tell.
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    state = context.stores.state
    try:
        with reachable(state), state.connect() as connection:
            return read_counter(connection, counter_id).zone
    except DayNotReady:
        counter = _ask_metrika(context, context.settings, token, counter_id)
    with reachable(state), state.begin() as connection:
        write_counter(connection, counter)
    return counter.zone


def _ask_metrika(context: ApiContext, settings: Settings, token: Secret, counter_id: int) -> Counter:
    metrika = replace(settings.metrika, token=token)
    gate = StateQuotaGate.for_settings(context.stores.state, metrika)
    try:
        info = LogsApi(MetrikaSession(metrika, gate, policy=HASTY)).counter(counter_id)
    finally:
        gate.close()
    return Counter(info.counter_id, info.name, info.time_zone)


def _body_token(context: ApiContext, text: str) -> Secret:
    if not context.api.accept_body_token:
        raise invalid(
            "/token", "Tokens in bodies are not accepted here; name a connection instead.", "token_not_accepted"
        )
    try:
        return check_token(Secret(text))
    except ConfigError:
        raise invalid("/token", "This is not a token: it holds characters that no token has.", "bad_token") from None
