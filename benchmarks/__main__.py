"""Run every benchmark: ``python -m benchmarks [--quick]``; each measure is a line for people and a line of JSON."""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks.measuring import PROJECT

# Script, its arguments, and those of a quick round.
MEASURES = (
    ("load_day.py", "--visits 2000000", "--visits 200000"),
    ("slot_features.py", "--hits 1000000", "--hits 200000"),
    ("score_visits.py", "--visits 1000000", "--visits 200000"),
    ("verify_day.py", "--visits 1000000", "--visits 200000"),
    ("train_visits.py", "--visits 100000", "--visits 30000"),
    ("visit_quality.py", "--seeds 5", "--seeds 1"),
    ("passport.py", "--visits 1000000", "--visits 200000"),
    ("intake.py", "--events 300000", "--events 60000"),
    ("schema_checks.py", "--events 100000", "--events 20000"),
    ("load_events.py", "--events 1000000", "--events 200000"),
    ("event_history.py", "--events 10000000", "--events 1000000"),
    ("learning_metrics.py", "--events 1000000 --what values pandas job", "--events 200000 --what values pandas job"),
    ("learning_metrics.py", "--events 10000000 --what values late", "--events 1000000 --what values late"),
    ("learning_metrics.py", "--events 10000000 --days 1 --what job", "--events 1000000 --days 1 --what job"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rows")
    is_quick = parser.parse_args().quick
    failed = 0
    for script, arguments, quick_arguments in MEASURES:
        chosen = quick_arguments if is_quick else arguments
        print(f"== {script} {chosen}", flush=True)
        argv = [sys.executable, "-W", "ignore", str(PROJECT / "benchmarks" / script), *chosen.split()]
        failed += subprocess.run(argv, check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
