"""Run every benchmark: ``python -m benchmarks [--quick]``; each measure is a line for people and a line of JSON."""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.measuring import PROJECT

SCRIPTS = {
    "load_day.py": ("--visits", "2000000", "200000"),
    "slot_features.py": ("--hits", "1000000", "200000"),
    "score_visits.py": ("--visits", "1000000", "200000"),
    "verify_day.py": ("--visits", "1000000", "200000"),
    "train_visits.py": ("--visits", "100000", "30000"),
    "visit_quality.py": ("--seeds", "5", "1"),
    "passport.py": ("--visits", "1000000", "200000"),
    "intake.py": ("--events", "300000", "60000"),
    "schema_checks.py": ("--events", "100000", "20000"),
    "load_events.py": ("--events", "1000000", "200000"),
    "event_history.py": ("--events", "10000000", "1000000"),
    "learning_metrics.py": ("--events", "1000000", "200000"),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the rows")
    is_quick = parser.parse_args().quick
    failed = 0
    for script, (option, rows, quick_rows) in SCRIPTS.items():
        print(f"== {script}", flush=True)
        argv = [
            sys.executable,
            "-W",
            "ignore",
            str(PROJECT / "benchmarks" / script),
            option,
            quick_rows if is_quick else rows,
        ]
        failed += subprocess.run(argv, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
