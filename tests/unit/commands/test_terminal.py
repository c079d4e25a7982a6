from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# Nothing listens on port 1 of this machine.
SCRIPT = """
from include.commands.terminal import guarded
from include.settings import ClickHouseSettings, Secret
from include.warehouse.client import Warehouse

settings = ClickHouseSettings("127.0.0.1", 1, 1, "app", Secret("word"), "counterflow")
guarded(lambda: Warehouse(settings).execute("SELECT 1"))()
"""


class TestGuarded:
    def test_should_print_one_sentence_when_clickhouse_cannot_be_reached(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT], cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=120
        )
        told = ended.stderr.splitlines()
        assert any(line.startswith("Error: ClickHouse does not answer at 127.0.0.1:1") for line in told)
        assert "ConnectionRefusedError" not in ended.stderr
