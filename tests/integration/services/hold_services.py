"""Hold services below a folder until this process is killed; run by tests as a process of its own."""

from __future__ import annotations

import json
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from include.services.airflow.running import running_airflow
from include.services.command import service_states
from include.services.processes.group import group_record
from include.services.stack import running_engines, up


def main() -> None:
    what, local_dir = sys.argv[1], Path(sys.argv[2])
    with ExitStack() as held:
        endpoints = up(local_dir, {}) if what == "up" else held.enter_context(running_engines(local_dir, {}))
        if what == "airflow":
            held.enter_context(running_airflow(local_dir, endpoints, {}))
        supervisor = group_record(local_dir, "engines").supervisor()
        report = {
            "pids": {one.name: one.pid for one in service_states(local_dir)},
            "supervisor": supervisor.pid if supervisor else None,
            "environment": endpoints.environment(),
        }
        print(json.dumps(report), flush=True)
        if what != "up":
            time.sleep(600)


if __name__ == "__main__":
    main()
