"""What a task works with: settings, stores and a session towards Metrika, opened for the running run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowFailException

from dags.wiring.connections import connection_environ
from include.errors import CounterflowError

if TYPE_CHECKING:
    from include.metrika.client.session import MetrikaSession
    from include.secret import Secret
    from include.services.stores import Stores
    from include.settings import Settings

ERROR = "error"  # XCom key of the sentence a task failed with


@dataclass(frozen=True)
class Run:
    """What a task works with.

    Attributes:
        run_id: the run the task belongs to.
        params: parameters of the run.
        settings: settings with connections applied.
        stores: both stores.
        session: a session towards Metrika; its quota is shared by all tasks.
    """

    run_id: str
    params: Mapping[str, Any]
    settings: Settings
    stores: Stores
    session: MetrikaSession


@contextmanager
def open_run() -> Iterator[Run]:
    """Open everything a task needs; an error that no retry can mend fails the task with its one sentence.

    Yields:
        The run, its settings and stores, and a Metrika session.

    Raises:
        AirflowFailException: the error is final.
        CounterflowError: the error may pass; the retry policy says when to try again.
    """
    context = get_current_context()
    try:
        with _opened(str(context["run_id"]), dict(context["params"])) as run:
            yield run
    except CounterflowError as error:
        if error.retryable:
            raise
        context["ti"].xcom_push(ERROR, error.message)
        raise AirflowFailException(error.message) from None


def failed_sentences(*task_ids: str) -> str:
    """What the failed tasks of the running run ended with.

    Args:
        task_ids: tasks to ask, mapped or not.

    Returns:
        Their sentences, each once; a hint where to look when there is none.
    """
    found = get_current_context()["ti"].xcom_pull(task_ids=list(task_ids), key=ERROR)
    return " ".join(dict.fromkeys(filter(None, found))) or "The log of the failed task says why."


@contextmanager
def _opened(run_id: str, params: dict[str, Any]) -> Iterator[Run]:
    from include.metrika.client.quota import StateQuotaGate
    from include.metrika.client.session import MetrikaSession
    from include.services.stores import open_stores, read_settings

    settings = read_settings({**os.environ, **connection_environ()})
    stores = open_stores(settings)
    try:
        token = run_token(stores, run_id) or settings.metrika.token
        settings = replace(settings, metrika=replace(settings.metrika, token=token))
        gate = StateQuotaGate.for_settings(stores.state, settings.metrika)
        try:
            yield Run(run_id, params, settings, stores, MetrikaSession(settings.metrika, gate))
        finally:
            gate.close()
    finally:
        stores.state.dispose()


def run_token(stores: Stores, run_id: str) -> Secret | None:
    """The token that the caller of the API gave for this run only, decrypted.

    Args:
        stores: both stores.
        run_id: the run; its API task has the same id.

    Returns:
        The token, or None when the run brought none.
    """
    from include.state.api_tasks import read_encrypted_token

    encrypted = read_encrypted_token(stores.state, run_id)
    if encrypted is None:
        return None
    from airflow.sdk.configuration import conf
    from cryptography.fernet import Fernet, MultiFernet

    from include.secret import Secret

    keys = [Fernet(key.strip()) for key in conf.get("core", "fernet_key").split(",")]
    return Secret(MultiFernet(keys).decrypt(encrypted).decode())
