"""Write ``docs/DAGS.md`` from the docstrings and parameters of the DAG files: ``python docs/generate_dags_page.py``.

The files are read, not run, so that no Airflow is needed. ``--check`` writes nothing and fails when the page is old.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
PAGE = PROJECT / "docs" / "DAGS.md"
ORDER = ("metrika_logs", "visit_scoring", "conversion_upload")
HEAD = """# The DAGs

Made from the DAG files by `python docs/generate_dags_page.py`; do not edit. Each section is the page that the Airflow
UI shows for the DAG.
"""


def render_page() -> str:
    """Put the pages of all DAGs together.

    Returns:
        The Markdown text, the daily chain first, then the other DAGs by name.
    """
    stems = [path.stem for path in (PROJECT / "dags").glob("*.py")]
    ordered = [*(stem for stem in ORDER if stem in stems), *sorted(set(stems) - set(ORDER))]
    return "\n".join([HEAD, _contents(ordered), *map(_section, ordered)])


def _contents(stems: list[str]) -> str:
    return "\n".join(f"- [`{stem}`](#{stem})" for stem in stems) + "\n"


def _section(stem: str) -> str:
    tree = ast.parse((PROJECT / "dags" / f"{stem}.py").read_text(encoding="utf-8"))
    page = (ast.get_docstring(tree) or "").strip()
    return f"## {stem}\n\n{page}\n\nTasks: {', '.join(f'`{name}`' for name in _task_ids(tree))}.\n"


def _task_ids(tree: ast.Module) -> list[str]:
    """Names of decorated tasks and of operators, in the order of the file."""
    found: dict[int, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(
            ast.unparse(one).startswith("task") for one in node.decorator_list
        ):
            found[node.lineno] = node.name
        if isinstance(node, ast.keyword) and node.arg == "task_id" and isinstance(node.value, ast.Constant):
            found[node.value.lineno] = str(node.value.value)
    return [found[line] for line in sorted(found)]


def main(arguments: list[str]) -> int:
    """Write or check the page.

    Args:
        arguments: command line without the program.

    Returns:
        Exit status.
    """
    page = render_page()
    if "--check" in arguments:
        if PAGE.read_text(encoding="utf-8") != page:
            print("docs/DAGS.md is old; run python docs/generate_dags_page.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
