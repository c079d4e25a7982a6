"""What every benchmark shares: a fresh process per measure, and one JSON line per result."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).parents[1]


def peak_rss_mb() -> float:
    """Largest memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_fresh_process(script: str, *arguments: str, environ: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a script of this folder in a process of its own and read its last line as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, *arguments],
        env={**os.environ, "PYTHONPATH": str(PROJECT), **(environ or {})},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{Path(script).name} {' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def report(
    name: str, value: float, reference: float, *, unit: str, rows: int, libraries: tuple[str, ...], **details: Any
) -> None:
    """Print one measure: a line for people, then the same as JSON."""
    ratio = value / reference if reference else float("nan")
    print(f"{name}: {value:.3g} {unit}, reference {reference:.3g} {unit}, ratio {ratio:.2f}, {rows} rows")
    line = {
        "name": name,
        "value": value,
        "reference": reference,
        "ratio": round(ratio, 4),
        "unit": unit,
        "rows": rows,
        "cores": os.cpu_count(),
        "commit": _commit(),
        "libraries": {library: version(library) for library in libraries},
        **details,
    }
    print(json.dumps(line), flush=True)


def _commit() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
