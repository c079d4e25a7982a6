"""The plugin module: light to import in every Airflow process, heavy only in the API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import PROJECT

SCRIPT = """
import json, runpy, sys
found = runpy.run_path("plugins/counterflow_plugin.py")
heavy = [name for name in ("fastapi", "pandas", "numpy", "clickhouse_driver", "include.api") if name in sys.modules]
plugin = found["CounterflowPlugin"]()
entry = plugin.fastapi_apps[0]
print(json.dumps({
    "heavy": heavy, "prefix": entry["url_prefix"], "app": type(entry["app"]).__name__,
    "once": plugin.fastapi_apps[0]["app"] is entry["app"],
}))
"""


class TestPluginModule:
    def test_should_make_the_app_only_when_it_is_asked_for(self, tmp_path: Path) -> None:
        environ = {**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout.strip().splitlines()[-1])
        assert told == {"heavy": [], "prefix": "/counterflow", "app": "FastAPI", "once": True}

    def test_should_be_the_only_module_of_its_folder(self) -> None:
        assert [path.name for path in (PROJECT / "plugins").rglob("*.py")] == ["counterflow_plugin.py"]
