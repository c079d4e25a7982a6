"""The plugin module: light to import in every Airflow process, heavy only in the API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT

SCRIPT = """
import json, runpy, sys
found = runpy.run_path("plugins/counterflow_plugin.py")
heavy = [name for name in ("fastapi", "pandas", "numpy", "clickhouse_driver", "include.api") if name in sys.modules]
plugin = found["CounterflowPlugin"]()
entry = plugin.fastapi_apps[0]
routes = {route.path for route in entry["app"].routes}
print(json.dumps({
    "heavy": heavy, "prefix": entry["url_prefix"], "app": type(entry["app"]).__name__,
    "once": plugin.fastapi_apps[0]["app"] is entry["app"], "views": plugin.external_views,
    "served": [view["href"].removeprefix("/below" + entry["url_prefix"]) in routes for view in plugin.external_views],
}))
"""


def tell(home: Path, **changes: str) -> dict[str, Any]:
    """What the module says of itself in a fresh process."""
    environ = {**os.environ, "AIRFLOW_HOME": str(home), "PYTHONPATH": str(PROJECT), **changes}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


class TestPluginModule:
    def test_should_make_the_app_only_when_it_is_asked_for(self, tmp_path: Path) -> None:
        told = tell(tmp_path)
        assert told["heavy"] == []
        assert (told["prefix"], told["app"], told["once"]) == ("/counterflow", "FastAPI", True)

    def test_should_put_served_pages_into_the_menu_when_airflow_lives_below_a_path(self, tmp_path: Path) -> None:
        told = tell(tmp_path, AIRFLOW__API__BASE_URL="https://flow.example/below/")
        assert [(view["destination"], view["href"]) for view in told["views"]] == [
            ("nav", "/below/counterflow/ui/models"),
            ("nav", "/below/counterflow/ui/events"),
            ("nav", "/below/counterflow/ui/metrics"),
        ]
        assert told["served"] == [True, True, True]

    def test_should_be_the_only_module_of_its_folder(self) -> None:
        assert [path.name for path in (PROJECT / "plugins").rglob("*.py")] == ["counterflow_plugin.py"]
