"""``visits demo``: the path a newcomer takes, from nothing to models that beat the rule."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from include.__main__ import app

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def local_dir() -> Iterator[Path]:
    """A folder that PostgreSQL may enter when it runs as another user."""
    with tempfile.TemporaryDirectory(prefix="counterflow-demo-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder) / "local"


class TestDemo:
    def test_should_rank_later_visits_better_than_the_rule_and_leave_nothing_running(self, local_dir: Path) -> None:
        environ = {"COUNTERFLOW_LOCAL_DIR": str(local_dir)}
        result = CliRunner().invoke(app, ["visits", "demo", "--days", "4", "--json"], env=environ)
        assert result.exit_code == 0, result.output
        report = json.loads(result.stdout)
        assert report["labelled"] == 16_000
        for outcome in report["devices"]:
            assert outcome["comparison"]["candidate"]["pr_auc"] > outcome["comparison"]["rule"]["pr_auc"]
        status = CliRunner().invoke(app, ["services", "status", "--json"], env=environ).output
        assert "running" not in status
