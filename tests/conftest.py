"""What every test may use: the engines, and the public data sets."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from include.services.engines.endpoints import Endpoints
from include.services.stack import running_engines

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    """Real ClickHouse and PostgreSQL of this test session."""
    with tempfile.TemporaryDirectory(prefix="counterflow-tests-") as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user when we are root
        with running_engines(Path(folder) / "local", {}) as found:
            yield found


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Find a public data file, check its digest, or skip visibly."""
    folder = Path(os.environ.get("SHARED_DATA_DIR") or PROJECT.parent / "shared" / "data")

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            if os.environ.get("REQUIRE_SHARED_DATA") == "1":
                pytest.fail(f"missing public data {path}")
            pytest.skip(f"missing public data {path}")
        listed = re.search(rf"\| {re.escape(name)} \|.*`([0-9a-f]{{64}})`", (folder / "README.md").read_text())
        assert listed is not None, f"{name} is not in the list of data sets"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed.group(1), f"{path} is damaged"
        return path

    return find
