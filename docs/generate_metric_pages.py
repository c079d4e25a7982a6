"""Write ``docs/metrics/<metric>.md`` from the cards of the metrics: ``python docs/generate_metric_pages.py``.

``--check`` writes nothing and fails when a page is old.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / "docs" / "metrics"
sys.path.insert(0, str(PROJECT))  # include is found from wherever this is started

from include.metrics.catalogue.pages import page_of  # noqa: E402
from include.metrics.names import Metric  # noqa: E402


def main(arguments: list[str]) -> int:
    """Write or check the pages.

    Args:
        arguments: command line without the program.

    Returns:
        Exit status.
    """
    pages = {FOLDER / f"{metric}.md": page_of(metric) for metric in Metric}
    if "--check" not in arguments:
        for path, page in pages.items():
            path.write_text(page, encoding="utf-8")
        return 0
    old = [path.name for path, page in pages.items() if not path.exists() or path.read_text(encoding="utf-8") != page]
    if old:
        print(f"docs/metrics: {', '.join(old)} old; run python docs/generate_metric_pages.py", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
