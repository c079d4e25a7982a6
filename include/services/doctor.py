"""Is this installation healthy: one line per check, and what to do about each that fails."""

from __future__ import annotations

import datetime as dt
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from include.days import utc_now
from include.errors import CounterflowError, StoreError, StoreUnavailable
from include.events.loading.status import read_status
from include.metrics.waiting import read_waiting
from include.provenance.conservation import Balance, balance_recent
from include.provenance.course_balances import ADVICE as COURSE_ADVICE
from include.provenance.course_balances import balance_courses
from include.provenance.event_balances import LANDING_ADVICE, balance_intake, balance_landed
from include.services.airflow.client import HEALTH_PARTS
from include.services.airflow.running import GROUP as AIRFLOW_GROUP
from include.services.airflow.running import access_of
from include.services.airflow.settings import AirflowHome
from include.services.processes.files import PRIVATE_FILE, kept_secret
from include.services.processes.group import group_record
from include.services.processes.looking import ProcessId
from include.services.stack import status
from include.services.stores import complete_environ
from include.settings import Settings
from include.state.engine import connect_state, current_version, newest_version, reachable
from include.warehouse.client import Warehouse

OLDEST_POSTGRES, OLDEST_CLICKHOUSE = 150000, (26, 7)  # the oldest releases the product was seen on
CHDB_RANGE = ((26, 7), (27, 0))
AIRFLOW_VERSION = "3.3.2"
ENOUGH_FREE_BYTES = 2_000_000_000
LONGEST_LAG_SECONDS = 120.0  # of the oldest event that waits
LONGEST_METRICS_WAIT = dt.timedelta(hours=36)  # of the oldest change of a course: a daily run and half a day
BALANCED_DAYS = 7  # days whose balances are looked at, by when their last stage ended
START_ADVICE = "Start the engines with `python -m include services up`, or correct the address."
PRIVATE_NAMES = ("services.json", "access.json", "clickhouse/password", "clickhouse/users.xml", "postgres/password")
JWT_SETTING = "AIRFLOW__API_AUTH__JWT_SECRET"


@dataclass(frozen=True)
class Check:
    """One question about the installation and its answer.

    Attributes:
        name: what was looked at.
        is_ok: whether it is as it should be.
        detail: what was found; never a secret.
        next_step: what to do; empty when all is well.
    """

    name: str
    is_ok: bool
    detail: str
    next_step: str = ""


def check_installation(local_dir: Path, environ: Mapping[str, str] | None = None) -> list[Check]:
    """Look at packages, folder, engines, migrations and Airflow.

    Args:
        local_dir: folder of this machine's services.
        environ: environment; this process's when None.

    Returns:
        The checks, in the order a person would fix them.
    """
    environ = os.environ if environ is None else environ
    try:
        settings = Settings.from_env(complete_environ(environ, local_dir))
    except CounterflowError as error:
        return [Check("settings", False, error.message, "Correct the setting in the environment or in .env.")]
    return [
        Check("settings", True, "all readable"),
        *_package_checks(settings),
        _private_files(local_dir),
        _free_space(local_dir),
        *_service_checks(local_dir),
        *_state_checks(settings),
        _warehouse_check(settings),
        *_airflow_checks(local_dir),
    ]


def _package_checks(settings: Settings) -> list[Check]:
    checks = [_package("apache-airflow", lambda found: found == AIRFLOW_VERSION, f"Airflow {AIRFLOW_VERSION}")]
    if settings.clickhouse is None or settings.clickhouse.host == "127.0.0.1":
        low, high = CHDB_RANGE
        checks.append(_package("chdb-core", lambda found: low <= _numbers(found) < high, "chdb-core>=26.7,<27"))
    return checks


def _package(name: str, is_right: Callable[[str], bool], wanted: str) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(f"package {name}", False, "not installed", "Run `make setup`.")
    advice = "" if is_right(found) else f"The product needs {wanted}; run `make setup`."
    return Check(f"package {name}", not advice, found, advice)


def _numbers(found: str) -> tuple[int, int]:
    major, _, rest = found.partition(".")
    return int(major), int(rest.partition(".")[0])


def _private_files(local_dir: Path) -> Check:
    open_names = [name for name in PRIVATE_NAMES if _is_open(local_dir / name)]
    if local_dir.exists() and stat.S_IMODE(local_dir.stat().st_mode) & 0o022:
        open_names.insert(0, ".")
    if not open_names:
        return Check("private files", True, "readable by their owner only")
    found = ", ".join(str(local_dir / name) for name in open_names)
    return Check("private files", False, f"open to others: {found}", f"Run `chmod -R go-rwx {local_dir}`.")


def _is_open(path: Path) -> bool:
    return path.exists() and bool(stat.S_IMODE(path.stat().st_mode) & ~PRIVATE_FILE)


def _free_space(local_dir: Path) -> Check:
    folder = next(one for one in (local_dir.absolute(), *local_dir.absolute().parents) if one.exists())
    free_bytes = shutil.disk_usage(folder).free
    advice = "" if free_bytes >= ENOUGH_FREE_BYTES else f"Free space on the disk of {folder}."
    return Check("free space", not advice, f"{free_bytes / 1e9:.1f} GB", advice)


def _service_checks(local_dir: Path) -> list[Check]:
    checks = []
    for one in status(local_dir):
        if one.state == "ended" or one.restart_count:
            log = local_dir / "logs" / f"{one.name}.previous.log"
            checks.append(
                Check(
                    f"process {one.name}",
                    False,
                    f"{one.state}, started again {one.restart_count} times",
                    f"Read {log}, then run `python -m include services down` and `services up`.",
                )
            )
    return checks


def _state_checks(settings: Settings) -> list[Check]:
    if settings.database_url is None:
        return [Check("PostgreSQL", False, "not running and no DATABASE_URL", START_ADVICE)]
    try:
        engine = connect_state(settings.database_url)
        with reachable(engine), engine.connect() as connection:
            number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
            at = current_version(connection)
        is_newest = at == newest_version()
        looks = (_balances(engine), _inbox(engine), *_landed(engine, settings), _metrics(engine)) if is_newest else ()
        engine.dispose()
    except CounterflowError as error:
        return [Check("PostgreSQL", False, error.message, START_ADVICE)]
    old = "" if number >= OLDEST_POSTGRES else "Use PostgreSQL 15 or newer."
    behind = "" if at == newest_version() else "Run `python -m include services up`, which brings it up to date."
    return [
        Check("PostgreSQL", not old, f"{number // 10000}.{number % 10000}", old),
        Check("migrations", not behind, at or "none", behind),
        *looks,
    ]


def _balances(engine: Engine) -> Check:
    """Whether what was loaded, scored and sent lately adds up."""
    since = utc_now() - dt.timedelta(days=BALANCED_DAYS)
    return _adds_up("conservation", [*balance_recent(engine, since=since), *balance_intake(engine, since=since)])


def _adds_up(name: str, found: list[Balance]) -> Check:
    wrong = [one for one in found if one.residual]
    if not wrong:
        return Check(name, True, f"{len(found)} balances of the last {BALANCED_DAYS} days, every residual 0")
    return Check(name, False, f"{wrong[0].name}: residual {wrong[0].residual}", wrong[0].advice)


def _inbox(engine: Engine) -> Check:
    """Whether loading keeps up with intake."""
    found = read_status(engine)
    detail = f"waiting events {found.waiting_events}, age of the oldest {found.lag_seconds:.0f} s"
    if found.failure:
        return Check("event inbox", False, found.failure, "Run `python -m include events load`; docs/operations.md.")
    if found.lag_seconds > LONGEST_LAG_SECONDS:
        return Check("event inbox", False, detail, "Is event_loading on, and ClickHouse up? See docs/operations.md.")
    return Check("event inbox", True, detail)


def _landed(engine: Engine, settings: Settings) -> list[Check]:
    """Whether ClickHouse still has what was loaded lately, and user-days what ClickHouse has."""
    if settings.clickhouse is None:
        return []
    warehouse, table = Warehouse(settings.clickhouse), settings.intake.events_table
    since = utc_now() - dt.timedelta(days=BALANCED_DAYS)
    looks: list[tuple[str, str, Callable[[], list[Balance]]]] = [
        ("events landed", LANDING_ADVICE, lambda: [balance_landed(warehouse, engine, table, since=since)]),
        ("events of courses", COURSE_ADVICE, lambda: balance_courses(warehouse, engine, table, since=since)),
    ]
    return [check for look in looks for check in _balanced(*look)]


def _balanced(name: str, advice: str, look: Callable[[], list[Balance]]) -> list[Check]:
    try:
        return [_adds_up(name, look())]
    except StoreUnavailable:
        return []  # the check of ClickHouse says so
    except StoreError as error:
        return [Check(name, False, error.message, advice)]


def _metrics(engine: Engine) -> Check:
    """Whether the metrics of courses follow their events."""
    found, oldest_at = read_waiting(engine), "none"
    if found.oldest_at:
        oldest_at = f"{found.oldest_at:%Y-%m-%d %H:%M} UTC"
    calculated = f"{found.last_calculated_at:%Y-%m-%d %H:%M} UTC" if found.last_calculated_at else "never"
    detail = (
        f"loads not taken {found.untaken_loads}, touched days {found.touched_days}, oldest {oldest_at}; "
        f"last calculation {calculated}"
    )
    is_late = found.oldest_at is not None and utc_now() - found.oldest_at > LONGEST_METRICS_WAIT
    if is_late and found.course_count:
        return Check("learning metrics", False, detail, "Is learning_metrics on, and green? See docs/operations.md.")
    return Check("learning metrics", True, detail)


def _warehouse_check(settings: Settings) -> Check:
    if settings.clickhouse is None:
        return Check("ClickHouse", False, "not running and no CLICKHOUSE_URL", START_ADVICE)
    warehouse = Warehouse(settings.clickhouse)
    try:
        found = str(warehouse.scalar("SELECT version()"))
    except CounterflowError as error:
        return Check("ClickHouse", False, error.message, START_ADVICE)
    advice = "" if _numbers(found) >= OLDEST_CLICKHOUSE else "Use ClickHouse 26.7 or newer."
    return Check("ClickHouse", not advice, found, advice)


def _airflow_checks(local_dir: Path) -> list[Check]:
    access = access_of(local_dir)
    if access is None:
        return [Check("Airflow", True, "not running on this machine")]
    health = access.client().health()
    unhealthy = [part for part in HEALTH_PARTS if health.get(part) != "healthy"]
    advice = f"Read the airflow logs in {local_dir / 'logs'}, then run `make down` and `make up`." if unhealthy else ""
    detail = f"not healthy: {', '.join(unhealthy)}" if unhealthy else f"healthy at {access.ui_url}"
    return [Check("Airflow", not unhealthy, detail, advice), _equal_keys(local_dir)]


def _equal_keys(local_dir: Path) -> Check:
    """Compare the key with which Airflow's processes sign for each other, and the one kept for them."""
    keys = {kept_secret(AirflowHome.below(local_dir).folder / "jwt_secret")}
    for report in group_record(local_dir, AIRFLOW_GROUP).parts().values():
        identity = ProcessId.from_record(report.get("process"))
        if identity is not None and identity.is_running():
            keys.add(psutil.Process(identity.pid).environ().get(JWT_SETTING, ""))
    keys.discard("")  # Airflow's processes write their titles over their environment
    if len(keys) == 1:
        return Check("Airflow keys", True, "the same in every process")
    return Check("Airflow keys", False, f"{JWT_SETTING} differs", "Run `make down`, then `make up`.")
