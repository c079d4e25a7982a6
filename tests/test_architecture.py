"""The floor plan, held by the code: who may import whom, and what no DAG may import at parse time."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
GROUND = ("errors", "secret", "settings", "days", "progress", "failpoints", "pages", "csv_cells")
FLOORS: tuple[tuple[str, ...], ...] = (
    GROUND,
    ("warehouse", "state"),
    ("registry", "accounts"),
    ("metrika", "visits", "conversions", "events", "metrics", "segments", "anomalies"),
    ("provenance",),  # what joins several domains: proofs of a conversion and of a day
    ("services", "metrika_sandbox"),
    ("api", "ui", "commands"),
    ("__main__",),
)
SIDEWAYS = {("conversions", "metrika")}  # the one arrow between domains
WITHIN_FLOOR = {0, 1}  # rooms of the ground and of the engines may lean on each other, without a cycle
MOST_FILES = 20  # of a folder; more of them want folders of their own
HEAVY = ("pandas", "numpy", "sklearn", "chdb", "joblib", "clickhouse_driver", "psycopg2")


def _modules() -> dict[str, Path]:
    files = sorted((PROJECT / "include").rglob("*.py"))
    return {".".join(path.relative_to(PROJECT).with_suffix("").parts): path for path in files}


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _room(module: str) -> str:
    return module.split(".")[1] if module.count(".") else ""


def _floor(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def _arrows() -> set[tuple[str, str, str]]:
    known = _modules()
    return {
        (module, target, _room(target))
        for module, path in known.items()
        for target in _imports(path)
        if target.startswith("include.") and _room(target)
    }


def _folder(module: str) -> str:
    """The folder inside a room, such as include.metrika.client; empty for the files of the room itself."""
    return ".".join(module.split(".")[:3]) if module.count(".") >= 3 else ""


def _assert_no_cycle(graph: dict[str, set[str]]) -> None:
    done: set[str] = set()

    def visit(node: str, trail: tuple[str, ...]) -> None:
        assert node not in trail, " -> ".join((*trail[trail.index(node) :], node))
        if node not in done:
            for target in graph.get(node, ()):
                visit(target, (*trail, node))
            done.add(node)

    for node in graph:
        visit(node, ())


class TestFloors:
    def test_should_know_every_room_when_a_folder_is_added(self) -> None:
        rooms = {_room(module) for module in _modules() if module != "include.__init__"}
        assert rooms <= {room for rooms in FLOORS for room in rooms}

    def test_should_import_downwards_only_when_rooms_use_each_other(self) -> None:
        wrong = []
        for module, target, room in _arrows():
            own = _room(module)
            if own == room or (own, room) in SIDEWAYS:
                continue
            here, there = _floor(own), _floor(room)
            if there > here or (there == here and here not in WITHIN_FLOOR):
                wrong.append(f"{module} imports {target}")
        assert wrong == []

    def test_should_have_no_cycle_when_modules_import_each_other(self) -> None:
        known = _modules()
        _assert_no_cycle(
            {
                module: {target for target in _imports(path) if target in known and target != module}
                for module, path in known.items()
            }
        )

    def test_should_have_no_cycle_when_folders_of_a_room_import_each_other(self) -> None:
        known = _modules()
        graph: dict[str, set[str]] = {}
        for module, target, _ in _arrows():
            here, there = _folder(module), _folder(target if target in known else target.rpartition(".")[0])
            if here and there and here != there:
                graph.setdefault(here, set()).add(there)
        _assert_no_cycle(graph)

    @pytest.mark.parametrize("folder", sorted({str(path.parent) for path in _modules().values()}))
    def test_should_not_be_crowded_when_a_folder_is_opened(self, folder: str) -> None:
        assert len(list(Path(folder).glob("*.py"))) <= MOST_FILES

    def test_should_stay_free_of_airflow_when_in_include(self) -> None:
        found = [m for m, path in _modules().items() for t in _imports(path) if t.split(".")[0] == "airflow"]
        assert found == []

    def test_should_import_chdb_in_the_served_process_only(self) -> None:
        trees = [path for folder in ("include", "dags", "plugins") for path in (PROJECT / folder).rglob("*.py")]
        found = [p.name for p in trees for t in _imports(p) if t.split(".")[0] == "chdb"]
        assert set(found) == {"clickhouse_server.py"}


class TestDagParsing:
    @pytest.mark.parametrize("path", sorted((PROJECT / "dags").glob("*.py")), ids=lambda path: path.stem)
    def test_should_load_nothing_heavy_when_a_dag_file_is_parsed(self, path: Path) -> None:
        code = (
            "import sys, runpy, airflow.sdk; before = set(sys.modules); "
            f"runpy.run_path({str(path)!r}); "
            f"print([n for n in {HEAVY!r} if n in sys.modules and n not in before])"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=False, timeout=120
        )
        assert ran.returncode == 0, ran.stderr[-2000:]
        assert ran.stdout.strip().splitlines()[-1] == "[]"

    def test_should_never_import_another_dag_file(self) -> None:
        stems = {path.stem for path in (PROJECT / "dags").glob("*.py")}
        files = sorted((PROJECT / "dags").glob("*.py"))
        found = [p.name for p in files for t in _imports(p) if t.removeprefix("dags.").split(".")[0] in stems]
        assert found == []


class TestRequirements:
    def test_should_name_no_index_when_locked(self) -> None:
        lines = (PROJECT / "requirements.txt").read_text().splitlines()
        words = ("--index-url", "--extra-index-url", "--find-links", "http:", "https:", "git+")
        assert [line for line in lines if line.strip().startswith(words)] == []

    def test_should_lock_every_named_package(self) -> None:
        named = [line.split("#")[0].strip() for line in (PROJECT / "requirements.in").read_text().splitlines()]
        locked = (PROJECT / "requirements.txt").read_text().lower()
        bare = [name.split("=")[0].split("<")[0].split(">")[0].strip().lower() for name in named if name]
        assert [name for name in bare if f"\n{name}==" not in f"\n{locked}"] == []
