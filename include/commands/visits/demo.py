"""``visits demo``: what trained models add to the rule, on the local Metrika whose truth is known."""

from __future__ import annotations

import csv
import datetime as dt
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from include.commands.local_sandbox import COUNTERS, VISITS_PER_DAY, running_sandbox, sandbox_environ
from include.commands.terminal import JsonOption, environ, guarded, new_run_id, settings_here, shown_progress
from include.commands.visits.train import PromoteOption, show_training
from include.days import iter_days, utc_now
from include.metrika.client.logs_api import LogsApi
from include.metrika.client.quota import StateQuotaGate
from include.metrika.client.session import MetrikaSession
from include.metrika.loading.load_day import load_days
from include.metrika.loading.load_job import open_load
from include.metrika_sandbox.behaviour.config import SandboxConfig, parse_counters
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.traffic.choosing import open_traffic
from include.progress import Progress
from include.services import stack
from include.services.stores import Stores, open_stores, read_settings
from include.settings import MetrikaSettings
from include.visits.labels.csv_labels import LabelFile, import_csv
from include.visits.training_job.orders import IF_BETTER, NEVER, TrainOrder
from include.visits.training_job.sources import TrainingData
from include.visits.training_job.train_models import train_models

SOURCE = "sandbox"
DaysOption = Annotated[
    int, typer.Option("--days", min=3, max=60, help="Days of traffic; the last fifth judges the models.")
]
LastOption = Annotated[dt.datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last of these days.")]


@guarded
def demo(
    days: DaysOption = 10, last: LastOption = None, is_promoted: PromoteOption = False, as_json: JsonOption = False
) -> None:
    """Load days of the local Metrika, label them with its known truth, train, and show what models add to the rule.

    Args:
        days: how many days.
        last: the last of them; the day before yesterday when absent.
        is_promoted: let the candidates that pass the gate decide from now on.
        as_json: print one line of JSON.
    """
    local_dir = settings_here().local_dir
    until = last.date() if last else (utc_now() - dt.timedelta(days=2)).date()
    wanted = list(iter_days(until - dt.timedelta(days=days - 1), until))
    with shown_progress() as progress, ExitStack() as services:
        progress("starting ClickHouse and PostgreSQL", 0, 0)
        services.enter_context(stack.running_engines(local_dir))
        progress("starting the local Metrika", 0, 0)
        settings = read_settings({**environ(), **sandbox_environ(services.enter_context(running_sandbox(local_dir)))})
        stores = open_stores(settings)
        services.callback(stores.state.dispose)
        counter_ids = settings.metrika.counter_ids
        _load(stores, settings.metrika, wanted, progress)
        _label(stores, counter_ids, wanted, progress)
        data = TrainingData(counter_ids, wanted[0], wanted[-1], (SOURCE,), utc_now())
        report = train_models(
            stores.warehouse,
            stores.state,
            TrainOrder(data, promote=IF_BETTER if is_promoted else NEVER),
            models_dir=settings.models_dir,
            run_id=new_run_id("demo"),
            progress=progress,
        )
    show_training(report, as_json=as_json)


def _load(stores: Stores, settings: MetrikaSettings, days: Sequence[dt.date], progress: Progress) -> None:
    session = MetrikaSession(settings, StateQuotaGate.for_settings(stores.state, settings))
    for number, counter_id in enumerate(settings.counter_ids):
        progress(f"loading counter {counter_id}", number, len(settings.counter_ids))
        job = open_load(
            stores.warehouse,
            stores.state,
            LogsApi(session),
            settings,
            counter_id=counter_id,
            run_id=new_run_id("demo"),
            days=days,
        )
        load_days(job, days)


def _label(stores: Stores, counter_ids: Sequence[int], days: Sequence[dt.date], progress: Progress) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "labels.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["visit_id", "label"])
            writer.writerows(_truth(counter_ids, days))
        given = LabelFile(path, None, counter_ids, days[0], days[-1], SOURCE)
        import_csv(stores.warehouse, stores.state, given, run_id=new_run_id("demo"), now=utc_now(), progress=progress)


def _truth(counter_ids: Sequence[int], days: Sequence[dt.date]) -> Iterable[tuple[int, int]]:
    """The local Metrika's own answer; the same as ``sandbox labels`` prints."""
    traffic = open_traffic(SandboxConfig(counters=parse_counters(COUNTERS), visits_per_day=VISITS_PER_DAY), Faults)
    for counter_id in counter_ids:
        for day in days:
            yield from ((one.visit_id, one.label) for one in traffic.iter_labels(counter_id, day))
