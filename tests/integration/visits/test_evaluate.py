from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from include.__main__ import app
from include.metrika.loading.log_files import COUNTER_ID, DAY, read_log_file
from include.services.engines.endpoints import Endpoints
from include.services.private_warehouse import private_warehouse
from include.settings import Settings
from include.visits.evaluating.measured_visits import MeasuredVisits, measure_visits
from tests.ecom_shop import write_labelled_shop

PROJECT = Path(__file__).parents[3]
WIDE_ID = 2**63


def write_logs(folder: Path, visits: int = 120, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Visits of four days on three devices, their hits, and labels that follow the length of a visit."""
    random = np.random.default_rng(seed)
    counts = random.integers(1, 9, visits)
    starts = pd.Timestamp("2025-07-01") + pd.to_timedelta(random.integers(0, 4 * 86_400, visits), unit="s")
    gaps = [np.sort(random.integers(0, 40 * count, count)) for count in counts]
    ids = [str(WIDE_ID + number) for number in range(visits)]
    watch = [[str(WIDE_ID + 1_000 * number + one) for one in range(count)] for number, count in enumerate(counts)]
    table = pd.DataFrame(
        {
            "ym:s:visitID": ids,
            "ym:s:clientID": [str(17 + number // 2) for number in range(visits)],
            "ym:s:dateTime": starts.strftime("%Y-%m-%d %H:%M:%S"),
            "ym:s:watchIDs": [f"[{','.join(one)}]" for one in watch],
            "ym:s:visitDuration": [str(one[-1]) for one in gaps],
            "ym:s:pageViews": counts.astype(str),
            "ym:s:bounce": (counts == 1).astype(int).astype(str),
            "ym:s:deviceCategory": random.choice(["1", "1", "2", "3"], visits),
            "ym:s:startURL": ["https://shop.example/?q=a"] * visits,
        }
    )
    hits = pd.DataFrame(
        [
            (one, (start + pd.Timedelta(seconds=int(second))).strftime("%Y-%m-%d %H:%M:%S"), 'say "hi", \\ there')
            for start, seconds, names in zip(starts, gaps, watch, strict=True)
            for one, second in zip(names, seconds, strict=True)
        ],
        columns=["ym:pv:watchID", "ym:pv:dateTime", "ym:pv:title"],
    )
    labels = pd.DataFrame({"visit_id": ids, "label": (counts + random.integers(0, 4, visits) > 7).astype(int)})
    table.to_csv(folder / "visits.csv", index=False)
    hits.to_csv(folder / "hits.csv", index=False)
    labels.to_csv(folder / "labels.csv", index=False)
    return table, hits, labels


def wrapped(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def as_tsv(table: pd.DataFrame, mark: Callable[[str], str] = str, end: str = "\n") -> bytes:
    """As Metrika delivers it: no quoting but backslash escapes."""
    lines = ["\t".join(table.columns)]
    lines += ["\t".join(mark(value.replace("\\", "\\\\")) for value in row) for row in table.itertuples(index=False)]
    return (end.join(lines) + end).encode()


def evaluate(endpoints: Endpoints, folder: Path, **files: str) -> Result:
    names = {"visits": "visits.csv", "hits": "hits.csv", "labels": "labels.csv"} | files
    words = [word for option, name in names.items() for word in (f"--{option}", str(folder / name))]
    environ = {**endpoints.environment(), "COUNTERFLOW_LOCAL_DIR": str(folder / "local")}
    return CliRunner().invoke(app, ["visits", "evaluate", *words, "--json"], env=environ)


def measured(endpoints: Endpoints, folder: Path, visits: str, hits: str, **how: Any) -> MeasuredVisits:
    labels = pd.read_csv(folder / "labels.csv", dtype={"visit_id": str})
    with private_warehouse(Settings.from_env(endpoints.environment()).clickhouse, "test") as warehouse:
        read_log_file(warehouse, "visits", folder / visits, **how)
        read_log_file(warehouse, "hits", folder / hits, **how)
        said = dict(zip(map(int, labels["visit_id"]), labels["label"], strict=True))
        return measure_visits(warehouse, said, counter_id=COUNTER_ID, day=DAY)


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    write_logs(tmp_path)
    return tmp_path


class TestReadLogFile:
    @pytest.mark.parametrize(
        ("quotes", "mark", "end"),
        [
            ("auto", str, "\n"),
            ("auto", wrapped, "\n"),
            ("raw", str, "\n"),
            ("wrapped", wrapped, "\n"),
            ("auto", str, "\r\n"),
        ],
        ids=["auto", "auto wrapped", "raw", "wrapped", "carriage returns"],
    )
    def test_should_measure_the_same_when_the_dialect_differs(
        self, endpoints: Endpoints, tmp_path: Path, quotes: str, mark: Callable[[str], str], end: str
    ) -> None:
        visits, hits, _ = write_logs(tmp_path)
        (tmp_path / "v.tsv").write_bytes(as_tsv(visits, mark, end))
        (tmp_path / "h.tsv.gz").write_bytes(gzip.compress(as_tsv(hits, mark, end)))
        expected = measured(endpoints, tmp_path, "visits.csv", "hits.csv")
        found = measured(endpoints, tmp_path, "v.tsv", "h.tsv.gz", quotes=quotes)
        pd.testing.assert_frame_equal(found.samples.features, expected.samples.features)
        assert found.days == expected.days == 4

    def test_should_count_a_visit_once_when_it_stands_in_the_file_twice(
        self, endpoints: Endpoints, tmp_path: Path
    ) -> None:
        visits, hits, _ = write_logs(tmp_path)
        pd.concat([visits, visits.head(7)]).to_csv(tmp_path / "v.csv", index=False)
        pd.concat([hits, hits.head(9)]).to_csv(tmp_path / "h.csv", index=False)
        found = measured(endpoints, tmp_path, "v.csv", "h.csv")
        expected = measured(endpoints, tmp_path, "visits.csv", "hits.csv")
        pd.testing.assert_frame_equal(found.samples.features, expected.samples.features)

    def test_should_let_visits_without_a_client_stand_alone_when_ids_are_missing(
        self, endpoints: Endpoints, tmp_path: Path
    ) -> None:
        visits, _, _ = write_logs(tmp_path)
        visits.loc[:9, "ym:s:clientID"] = ["0", ""] * 5
        visits.to_csv(tmp_path / "v.csv", index=False)
        found = measured(endpoints, tmp_path, "v.csv", "hits.csv")
        assert found.without_client == 10
        assert len(np.unique(found.samples.groups)) == 10 + 55


class TestEvaluate:
    def test_should_say_so_when_a_compressed_file_ends_in_its_rows(self, endpoints: Endpoints, logs: Path) -> None:
        whole = (logs / "visits.csv").read_bytes() * 40
        (logs / "half.csv.gz").write_bytes(gzip.compress(whole + os.urandom(4_000).hex().encode())[:-2_000])
        result = evaluate(endpoints, logs, visits="half.csv.gz")
        assert (result.exit_code, "is no whole text or gzip file" in result.output) == (2, True), result.output

    def test_should_print_every_figure_when_files_are_sound(self, endpoints: Endpoints, logs: Path) -> None:
        labels = (logs / "labels.csv").read_text()
        (logs / "more.csv").write_text(labels + "5,1\n6,0\n" + labels.splitlines()[1] + "\n")
        result = evaluate(endpoints, logs, labels="more.csv")
        found = json.loads(result.stdout)
        wanted = ["rows", "pr_auc", "roc_auc", "ece", "brier", "flagged_share", "rule_precision", "rule_recall"]
        assert {name for name in wanted if found.get(name) is None} == set()
        assert (found["rows"], found["unknown_labels"], found["repeated_labels"]) == (120, 2, 1)
        assert found["unknown_visit_ids"] == ["5", "6"]
        assert set(found["by_device"]) == {"desktop", "mobile", "tablet"}
        assert found["by_device"]["tablet"]["model"] == "all devices"

    def test_should_leave_nothing_behind_when_done(self, endpoints: Endpoints, logs: Path) -> None:
        evaluate(endpoints, logs, labels="nothing.csv")
        evaluate(endpoints, logs, hits="nothing.csv")
        settings = Settings.from_env(endpoints.environment()).clickhouse
        with private_warehouse(settings, "look") as warehouse:
            names = warehouse.execute("SELECT name FROM system.databases WHERE name LIKE 'counterflow_evaluation%%'")
        assert names == []

    def test_should_name_the_columns_when_some_are_missing(self, endpoints: Endpoints, logs: Path) -> None:
        table = pd.read_csv(logs / "visits.csv", dtype=str).drop(columns=["ym:s:bounce", "ym:s:clientID"])
        table.to_csv(logs / "short.csv", index=False)
        result = evaluate(endpoints, logs, visits="short.csv")
        assert (result.exit_code, "lacks the columns ym:s:clientID, ym:s:bounce" in result.output) == (2, True)

    @pytest.mark.parametrize(
        ("name", "content", "said"),
        [
            ("empty.csv", b"", "is empty"),
            ("binary.tsv", bytes(range(1, 9)) * 99 + b"\n", "lacks the columns"),
            (
                "cut.tsv.gz",
                gzip.compress(os.urandom(9_000).hex().encode() + b"\n")[:4_000],
                "is no whole text or gzip file",
            ),
            ("long.bin", b"x" * 200_000, "is no whole text or gzip file"),
            ("header.csv", None, "There are 0 of the labelled visits with hits"),
        ],
    )
    @pytest.mark.parametrize("option", ["visits", "hits"])
    def test_should_say_one_sentence_when_a_file_is_no_log(
        self, endpoints: Endpoints, logs: Path, option: str, name: str, content: bytes | None, said: str
    ) -> None:
        header = (logs / f"{option}.csv").read_bytes().splitlines()[0] + b"\n"
        (logs / name).write_bytes(header if content is None else content)
        result = evaluate(endpoints, logs, **{option: name})
        assert (result.exit_code, said in result.output) == (2, True), result.output

    @pytest.mark.parametrize("option", ["visits", "hits", "labels"])
    def test_should_name_the_file_when_it_is_missing(self, endpoints: Endpoints, logs: Path, option: str) -> None:
        result = evaluate(endpoints, logs, **{option: "nowhere.csv"})
        assert (result.exit_code, "nowhere.csv cannot be read" in result.output) == (2, True)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda table: table.assign(label=1), "all 120 are labelled 1"),
            (lambda table: table.head(40), "at least 50 are needed"),
            (lambda table: table.assign(label="yes"), "neither 0 nor 1"),
            (lambda table: pd.concat([table, table.head(1).assign(label=1 - table["label"][0])]), "different things"),
            (lambda table: table.assign(visit_id=range(5, 125)), "There are 0 of the labelled visits"),
        ],
        ids=["one class", "too few", "no label", "contradicting", "all unknown"],
    )
    def test_should_refuse_with_the_minimum_when_labels_say_too_little(
        self, endpoints: Endpoints, logs: Path, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
    ) -> None:
        change(pd.read_csv(logs / "labels.csv", dtype={"visit_id": str})).to_csv(logs / "other.csv", index=False)
        result = evaluate(endpoints, logs, labels="other.csv")
        assert (result.exit_code, said in result.output) == (2, True), result.output


@pytest.mark.shared_data
class TestPublicShop:
    def test_should_hold_the_bars_when_nothing_runs_and_nothing_is_set(
        self, shared_data: Callable[[str], Path], tmp_path: Path
    ) -> None:
        shop = write_labelled_shop(shared_data("retentioneering/ecom.csv.gz"), tmp_path)
        done = subprocess.run(
            [
                sys.executable, "-m", "include", "visits", "evaluate", "--json", "--visits", str(shop.visits_file),
                "--hits", str(shop.hits_file), "--labels", str(shop.labels_file),
            ],
            cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": str(PROJECT)},
            capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2_000:]
        found = json.loads(done.stdout)
        desktop, mobile = found["by_device"]["desktop"], found["by_device"]["mobile"]
        assert (desktop["rows"], mobile["rows"], found["rows"]) == (1890, 1295, 3605)
        assert desktop["pr_auc"] >= 0.216
        assert mobile["pr_auc"] >= 0.111
        assert max(desktop["ece"], mobile["ece"], found["ece"]) <= 0.05
        assert all(one["brier"] < one["positive_share"] * (1 - one["positive_share"]) for one in (desktop, mobile))
        assert [round(desktop[name], 3) for name in ("rule_precision", "rule_recall", "rule_flagged_share")] == [
            0.165, 0.776, 0.690,
        ]  # fmt: skip
