"""Airflow in this process, with a home of its own, against the real engines and the real sandbox."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parents[2]

# Airflow reads these when it is first imported, so they stand before any import of it.
os.environ |= {
    "AIRFLOW_HOME": tempfile.mkdtemp(prefix="counterflow-airflow-"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "COUNTERFLOW_POKE_SECONDS": "0.5",
    "PYTHONPATH": os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH", "")))),
}
sys.path[:0] = [path for path in (str(PROJECT),) if path not in sys.path]

import pytest  # noqa: E402

from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig  # noqa: E402
from include.metrika_sandbox.serving.server import SandboxHandle, run_sandbox  # noqa: E402
from include.services.airflow.settings import connections  # noqa: E402
from include.services.engines.endpoints import Endpoints  # noqa: E402
from tests.dags.rig import DAG_IDS, DagRig  # noqa: E402
from tests.loading import own_stores  # noqa: E402


@pytest.fixture(scope="session")
def dags() -> dict[str, object]:
    """The four DAGs as Airflow reads them."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"])
    assert bag.import_errors == {}
    return {dag_id: bag.dags[dag_id] for dag_id in DAG_IDS}


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own tables in a throw-away SQLite file."""
    from airflow.utils.db import initdb

    initdb()


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxHandle]:
    """A local Metrika with two counters in two zones."""
    with run_sandbox(SandboxConfig(visits_per_day=300, queue_seconds=0.05, status_seconds=0.1)) as handle:
        yield handle


@pytest.fixture(scope="module")
def rig(
    airflow_database: None,
    endpoints: Endpoints,
    sandbox: SandboxHandle,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[DagRig]:
    """The DAGs with databases of their own; the environment says nothing, the connections everything."""
    with own_stores(endpoints) as stores, pytest.MonkeyPatch.context() as patch:
        local_dir = tmp_path_factory.mktemp("local")
        metrika = {"METRIKA_API_URL": sandbox.url, "METRIKA_TOKEN": DEMO_TOKEN, "METRIKA_COUNTER": "101,202"}
        for name, value in (connections({**stores, **metrika}) | {"COUNTERFLOW_LOCAL_DIR": str(local_dir)}).items():
            patch.setenv(name, value)
        for name in (*stores, *metrika):
            patch.delenv(name, raising=False)
        with DagRig.open(stores, local_dir, sandbox) as opened:
            yield opened
