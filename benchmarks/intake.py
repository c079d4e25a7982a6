"""Event intake over HTTP: events per second that are acknowledged, with every one of them on the disk.

Real engines, and one uvicorn process with the app mounted below its prefix as Airflow mounts it; with ``--airflow``
the API server of a whole Airflow, whose scheduler and DAG processor then share the machine. Another process sends
batches of distinct learning events with an API key over a few connections, first as fast as answers come, then at a
steady 10,000 events per second; all batches are written before the clock runs. The reference stores the same events
with a bare psycopg2 loop, COPY and one commit per batch, without any check. Afterwards PostgreSQL is asked whether
what was acknowledged is there.
``python benchmarks/intake.py [--airflow]``
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.measuring import PROJECT, in_fresh_process, report

PREFIX, ROUTE = "/counterflow", "/api/v1/events"
BATCH = 500
CONNECTIONS = 2
STEADY_CONNECTIONS = 4  # so that one slow answer does not hold the next batch back
WARM_BATCHES = 20
GOAL_EVENTS_PER_SECOND, GOAL_P99_MS = 10_000.0, 100.0
START_SECONDS = 60.0
FACTS = ("p50_ms", "p99_ms", "largest_ms", "server_cpu_ms_per_batch", "rss_growth_mb", "rss_mb", "body_kb")
KINDS = ("task_start", "task_finish", "video_play", "page_view", "login")
BARE_TABLE = "CREATE TABLE bare_events (event_id uuid PRIMARY KEY, line text NOT NULL)"


def batches(events: int, seed: int) -> list[list[dict[str, Any]]]:
    """Learning events of a busy school, in batches."""
    chance = random.Random(seed)
    people = [str(uuid.UUID(int=chance.getrandbits(128), version=4)) for _ in range(20_000)]
    now = time.time()

    def event(number: int) -> dict[str, Any]:
        """One event; no two are equal."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now - chance.randrange(86_400)))
        return {
            "id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "user_id": chance.choice(people),
            "course_id": f"course-{number % 40}",
            "module_id": f"module-{number % 400}",
            "event_type": chance.choice(KINDS),
            "timestamp": f"{at}.{number % 1000:03d}Z",
            "payload": {"task_id": f"t{number}", "seconds": chance.randrange(900), "is_last": number % 7 == 0},
        }

    return [[event(first + place) for place in range(BATCH)] for first in range(0, events, BATCH)]


def run_server(port: int) -> None:
    """Serve the app until killed."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import Mount

    from include.api.app import create_app

    app = create_app(_Nobody(), dict(os.environ))  # type: ignore[arg-type]
    outer = Starlette(routes=[Mount(PREFIX, app)])
    uvicorn.run(outer, host="127.0.0.1", port=port, log_level="warning", access_log=False)


class _Nobody:
    """Stands for an Airflow without users; API keys do not need it."""

    async def authenticate(self, token: Any) -> None:
        """Know nobody."""

    def environment(self) -> Mapping[str, str]:
        """Have no stored connections."""
        return {}


def run_load(events: int, port: int, connections: int, rate: float) -> None:
    """Send everything, as fast as answers come or at a steady rate, and print what came back."""
    bodies = [json.dumps({"events": batch}).encode() for batch in batches(events, seed=os.getpid())]
    warm = [
        json.dumps({"events": batch}).encode() for batch in batches(WARM_BATCHES * BATCH, seed=os.getpid() + 10_000_000)
    ]
    _send(warm, port, connections, 0)
    before_mb, cpu_before = _rss_mb(), _cpu_seconds()
    started = time.perf_counter()
    times, accepted = _send(bodies, port, connections, rate)
    seconds = time.perf_counter() - started
    times.sort()
    answer = {
        "seconds": seconds,
        "accepted": accepted,
        "warm": WARM_BATCHES * BATCH,
        "p50_ms": times[len(times) // 2] * 1000,
        "p99_ms": times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        "largest_ms": times[-1] * 1000,
        "server_cpu_ms_per_batch": (_cpu_seconds() - cpu_before) * 1000 / len(bodies),
        "rss_growth_mb": _rss_mb() - before_mb,
        "rss_mb": _rss_mb(),
        "body_kb": len(bodies[0]) / 1024,
    }
    print(json.dumps(answer))


def _send(bodies: list[bytes], port: int, connections: int, rate: float) -> tuple[list[float], int]:
    """Seconds per batch, at a steady rate counted from when it was due, and accepted events."""
    import orjson

    waiting, times, accepted = iter(enumerate(bodies)), [], []
    first = time.perf_counter()
    taking = threading.Lock()
    headers = {"Authorization": f"Bearer {os.environ['INTAKE_KEY']}", "Content-Type": "application/json"}

    def work() -> None:
        """One connection."""
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        link.connect()
        link.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            with taking:
                number, body = next(waiting, (0, b""))
            if not body:
                return
            started = first + number * BATCH / rate if rate else time.perf_counter()
            time.sleep(max(0.0, started - time.perf_counter()))
            link.request("POST", PREFIX + ROUTE, body, headers)
            answer = link.getresponse()
            content = answer.read()
            times.append(time.perf_counter() - started)
            if answer.status != 202:
                raise RuntimeError(f"{answer.status}: {content[:300]!r}")
            found = orjson.loads(content)
            if len(found["verdicts"]) != BATCH:
                raise RuntimeError("a verdict is missing")
            accepted.append(found["accepted"])

    threads = [threading.Thread(target=work) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times) != len(bodies):
        raise RuntimeError(f"{len(bodies) - len(times)} batches got no answer")
    return times, sum(accepted)


def _rss_mb() -> float:
    import psutil

    memory: float = psutil.Process(int(os.environ["SERVER_PID"])).memory_info().rss / 1_048_576
    return memory


def _cpu_seconds() -> float:
    import psutil

    used = psutil.Process(int(os.environ["SERVER_PID"])).cpu_times()
    return float(used.user + used.system)


def run_bare(events: int) -> None:
    """The reference: the same events into a bare table, a COPY and a commit per batch."""
    import psycopg2

    rows = ["".join(f"{event['id']}\t{json.dumps(event)}\n" for event in batch) for batch in batches(events, seed=1)]
    url = os.environ["DATABASE_URL"].replace("+psycopg2", "")
    with contextlib.closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute(BARE_TABLE)
        connection.commit()
        times = []
        started = time.perf_counter()
        for text in rows:
            began = time.perf_counter()
            cursor.copy_expert("COPY bare_events FROM STDIN", io.StringIO(text))
            connection.commit()
            times.append(time.perf_counter() - began)
        seconds = time.perf_counter() - started
        cursor.execute("DROP TABLE bare_events")
        connection.commit()
    times.sort()
    print(json.dumps({"seconds": seconds, "p50_ms": times[len(times) // 2] * 1000, "p99_ms": times[-2] * 1000}))


@contextlib.contextmanager
def served() -> Iterator[tuple[int, int]]:
    """Run the app alone in a process of its own; its port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        argv = [sys.executable, "-W", "ignore", __file__, "--run", "server", "--port", str(port)]
        environ = {**os.environ, "PYTHONPATH": str(PROJECT)}
        process = subprocess.Popen(argv, env=environ, stdout=log, stderr=log)
        try:
            _wait(process, port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    raise RuntimeError("the server did not start")


@contextlib.contextmanager
def served_by_airflow(folder: Path, endpoints: Any) -> Iterator[tuple[int, int]]:
    """Run a whole Airflow; port and process id of its API server."""
    import psutil

    from include.services.airflow.running import running_airflow

    with running_airflow(folder / "local", endpoints, dict(os.environ)) as access:
        port = int(access.ui_url.rpartition(":")[2])
        owners = {
            one.pid
            for one in psutil.net_connections("tcp")
            if one.laddr.port == port and one.status == psutil.CONN_LISTEN
        }
        yield port, next(int(pid) for pid in owners if pid)


def compare(events: int, connections: int, server: Any, name: str) -> None:
    """Measure the bare loop and the server in the same run, then count what is stored."""
    from include.accounts.keys import create_key
    from include.settings import Settings
    from include.state.engine import connect_state, migrate

    url = Settings.from_env().database_url
    assert url is not None
    state = connect_state(url)
    migrate(state)
    _, secret = create_key(state, project="default", scopes=["ingest"], label="benchmark", created_by="benchmark")
    arguments = ("--events", str(events))
    bare = in_fresh_process(__file__, "--run", "bare", *arguments)
    with server as (port, pid):
        environ = {"INTAKE_KEY": secret.value, "SERVER_PID": str(pid)}
        places = (*arguments, "--port", str(port), "--connections")
        fast = in_fresh_process(__file__, "--run", "load", *places, str(connections), environ=environ)
        steady = (str(STEADY_CONNECTIONS), "--rate", str(GOAL_EVENTS_PER_SECOND))
        paced = in_fresh_process(__file__, "--run", "load", *places, *steady, environ=environ)
        stored = _stored(state)
    acknowledged = sum(one["accepted"] + one["warm"] for one in (fast, paced))
    if {acknowledged} != set(stored.values()):
        raise SystemExit(f"acknowledged {acknowledged}, stored {stored}")
    print(
        f"goal: {GOAL_EVENTS_PER_SECOND:.0f} events/s, p99 under {GOAL_P99_MS:.0f} ms; acknowledged = stored = "
        f"{acknowledged}"
    )
    shared = {"load_average": round(os.getloadavg()[0], 1), "batch": BATCH, "server": name}
    for measure, found, used in (("intake_http", fast, connections), ("intake_http_steady", paced, STEADY_CONNECTIONS)):
        facts = {name: round(found[name], 1) for name in FACTS}
        rate, bare_rate = events / found["seconds"], events / bare["seconds"]
        report(
            measure, rate, bare_rate, unit="events/s", rows=events, libraries=("uvicorn", "psycopg2-binary"),
            goal=GOAL_EVENTS_PER_SECOND, goal_p99_ms=GOAL_P99_MS, connections=used,
            reference_p99_ms=round(bare["p99_ms"], 1), **facts, **shared,
        )  # fmt: skip


def _stored(state: Any) -> dict[str, int]:
    """Accepted events by three ways of counting."""
    queries = {
        "receipts": "SELECT sum(accepted_count) FROM receipts",
        "inbox and loads": "SELECT sum(event_count) FROM (SELECT event_count FROM inbox_batches UNION ALL "
        "SELECT event_count FROM event_loads WHERE landed_at IS NOT NULL) AS kept",
        "ids": "SELECT count(*) FROM event_seen",
    }
    with state.connect() as connection:
        return {name: int(connection.exec_driver_sql(query).scalar_one()) for name, query in queries.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--connections", type=int, default=CONNECTIONS)
    parser.add_argument("--airflow", action="store_true", help="in the API server of a whole Airflow")
    parser.add_argument("--run", choices=["server", "load", "bare"])
    parser.add_argument("--rate", type=float, default=0.0, help="events per second; 0 for as many as go")
    parser.add_argument("--port", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.run == "server":
        run_server(arguments.port)
    elif arguments.run == "load":
        run_load(arguments.events, arguments.port, arguments.connections, arguments.rate)
    elif arguments.run == "bare":
        run_bare(arguments.events)
    else:
        _start(arguments.events, arguments.connections, in_airflow=arguments.airflow)


def _start(events: int, connections: int, *, in_airflow: bool) -> None:
    from include.services.stack import running_engines

    with tempfile.TemporaryDirectory(prefix="counterflow-bench-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as endpoints:
            os.environ.update(endpoints.environment())
            os.environ["COUNTERFLOW_LOCAL_DIR"] = str(Path(folder) / "local")
            os.environ["EVENTS_KEY_EVENTS_PER_SECOND"] = os.environ["EVENTS_KEY_REQUESTS_PER_SECOND"] = "1000000"
            if in_airflow:
                compare(events, connections, served_by_airflow(Path(folder), endpoints), "API server of Airflow")
            else:
                compare(events, connections, served(), "one uvicorn process")


if __name__ == "__main__":
    main()
