from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from include.days import zone_of
from include.errors import DayNotReady, ModelError, StoreConflict
from include.registry.artefacts import artefact_path
from include.registry.promotions import COMMAND, promote
from include.registry.versions import ModelVersion, register
from include.state.manifest import read_stage
from include.visits.scoring.export import read_level4_page
from include.visits.scoring.score_counts import count_day, require_conserved
from tests.visit_days import loaded, migrated, score, state, visit_environ, warehouse
from tests.visit_models import Failing, SlotShare

__all__ = ["loaded", "migrated", "score", "state", "visit_environ", "warehouse"]

LONG = [0, 60, 120, 180, 240]  # rule: 240 s, 5 pages, 5 slots


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def serve(state, models_dir) -> Callable[..., ModelVersion]:
    """Put a model into production; its probability is slots / 10."""

    def put(name: str = "level4_desktop", *, threshold: float = 0.3, estimator: object | None = None, **changes):
        features = changes.pop("features", ["slots", "visitDuration"])
        made = register(
            state,
            models_dir,
            name=name,
            artefact=estimator or SlotShare(),
            threshold=threshold,
            features=features,
        )
        return promote(state, name, made.version, cause=COMMAND)

    return put


def reasons_of(loaded) -> list[str]:
    return [row["reason"] for row in loaded.rows("visit_scores")]


class TestM17Decision:
    @pytest.mark.parametrize(
        ("duration", "pages", "hits", "expected"),
        [
            (180, 5, [0, 15, 30, 45, 60], "rule"),
            (179, 5, [0, 15, 30, 45, 60], "no_model"),
            (180, 4, [0, 15, 30, 45, 60], "no_model"),
            (180, 5, [0, 15, 30, 45, 59], "no_model"),
            (180, -5, [0, 15, 30, 45, 60], "no_model"),
        ],
    )
    def test_should_include_each_border_when_the_rule_is_asked(self, loaded, score, duration, pages, hits, expected):
        loaded.add_visit(hits, duration_seconds=duration, page_views=pages)
        loaded.store()
        score(loaded)
        assert reasons_of(loaded) == [expected]

    @pytest.mark.parametrize(
        ("device", "expected"),
        [("1", "model"), ("2", "below_threshold"), ("3", "device_not_modelled"), ("4", "device_not_modelled"),
         ("", "device_not_modelled"), ("7", "device_not_modelled")],
    )  # fmt: skip
    def test_should_ask_the_model_of_the_device_when_both_serve(self, loaded, score, serve, device, expected):
        serve("level4_desktop", threshold=0.1)
        serve("level4_mobile", threshold=0.9)
        loaded.add_visit([0, 20, 40], device_category=device)
        loaded.store()
        score(loaded)
        assert reasons_of(loaded) == [expected]

    @pytest.mark.parametrize(("threshold", "expected"), [(0.3, "below_threshold"), (0.29999999999999993, "model")])
    def test_should_need_more_than_the_threshold_when_a_model_decides(self, loaded, score, serve, threshold, expected):
        serve(threshold=threshold)
        loaded.add_visit([0, 15, 30])  # 3 slots: probability 0.3
        loaded.store()
        score(loaded)
        assert reasons_of(loaded) == [expected]

    def test_should_never_ask_a_model_when_a_visit_has_no_hits(self, loaded, score, serve):
        serve(threshold=0.0)
        loaded.add_visit([], duration_seconds=900, page_views=9)
        loaded.store()
        report = score(loaded)
        assert (reasons_of(loaded), report.level4) == (["no_hits"], 0)

    def test_should_record_who_decided_with_score_and_version_when_a_model_was_asked(self, loaded, score, serve):
        model = serve(threshold=0.25)
        loaded.add_visit(LONG)
        loaded.add_visit([0, 15, 30])
        loaded.add_visit([0])
        loaded.store()
        score(loaded)
        names = ("decided_by", "score", "threshold", "model_name", "model_version")
        assert [tuple(row[name] for name in names) for row in loaded.rows("visit_scores")] == [
            ("rule", None, None, "", ""),
            ("model", 0.3, 0.25, "level4_desktop", model.version),
            ("none", 0.1, 0.25, "level4_desktop", model.version),
        ]

    def test_should_decide_by_rule_only_when_no_model_is_registered(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.add_visit([0, 15], device_category="2")
        loaded.add_visit(LONG, device_category="3")
        loaded.store()
        report = score(loaded)
        assert (report.by_rule, report.by_model, report.reasons["no_model"]) == (2, 0, 1)

    def test_should_pass_columns_in_the_stored_order_when_a_model_lists_old_names(self, loaded, score, serve):
        serve(threshold=0.39, features=["pageViews", "median_pause", "bounce"])
        loaded.add_visit([0, 100], page_views=4)
        loaded.store()
        score(loaded)
        assert loaded.rows("visit_scores")[0]["score"] == 0.4

    def test_should_ask_in_several_blocks_when_a_day_is_larger_than_one(self, loaded, score, serve, monkeypatch):
        monkeypatch.setattr("include.visits.deciding.probabilities.BLOCK_ROWS", 7)
        serve(threshold=0.15)
        for slots in range(60):
            loaded.add_visit([15 * n for n in range(slots % 4 + 1)])
        loaded.store()
        report = score(loaded)
        assert (report.by_model, report.reasons["below_threshold"]) == (45, 15)


class TestScoreDayReport:
    """I13: every visit is scored or has the reason why not."""

    def test_should_name_flagged_share_per_device_and_reason_when_a_day_is_scored(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.add_visit([0])
        loaded.add_visit([], device_category="2")
        loaded.add_visit([0], device_category="")
        loaded.store()
        assert score(loaded).flagged == {
            "desktop": {"visits": 2, "level4": 1, "flagged_share": 0.5, "rule": 1, "no_model": 1},
            "mobile": {"visits": 1, "level4": 0, "flagged_share": 0.0, "no_hits": 1},
            "unknown": {"visits": 1, "level4": 0, "flagged_share": 0.0, "device_not_modelled": 1},
        }

    def test_should_count_every_visit_once_when_the_manifest_is_written(self, loaded, score, state):
        for seconds in (LONG, [0], [], [3, 4]):
            loaded.add_visit(seconds)
        loaded.store()
        score(loaded)
        with state.connect() as connection:
            record = read_stage(connection, loaded.counter_id, loaded.day, "scores")
        assert record is not None
        counts = record.counts
        assert counts["visits"] == counts["measured"] == counts["scored"] == sum(counts["reasons"].values()) == 4

    def test_should_count_disagreements_when_the_two_joins_differ(self, loaded, score):
        visit_id = loaded.add_visit([0])
        loaded.add_hit(99, 40, visit_id)
        loaded.store()
        assert score(loaded).join_disagreements == 1

    def test_should_give_an_empty_list_when_a_day_has_no_visits(self, loaded, score):
        loaded.store()
        report = score(loaded)
        assert (report.scored, report.level4, json.loads(Path(report.path).read_text())) == (0, 0, [])

    def test_should_empty_a_scored_day_when_it_is_loaded_again_without_visits(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.store()
        score(loaded)
        loaded.visits, loaded.hits = [], []
        loaded.store()
        report = score(loaded)
        assert (loaded.rows("visit_scores"), json.loads(Path(report.path).read_text())) == ([], [])


class TestScoreDayAgain:
    def test_should_change_nothing_when_the_input_is_the_same(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.store()
        first = score(loaded)
        written = Path(first.path).stat().st_mtime_ns
        second = score(loaded)
        assert second.unchanged
        assert (second.digest, Path(second.path).stat().st_mtime_ns) == (first.digest, written)

    def test_should_write_the_list_again_when_only_the_file_was_lost(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.store()
        path = Path(score(loaded).path)
        before = path.read_bytes()
        path.unlink()
        report = score(loaded)
        assert (report.unchanged, path.read_bytes()) == (True, before)

    def test_should_correct_the_list_when_somebody_edited_it(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.store()
        path = Path(score(loaded).path)
        before = path.read_bytes()
        path.write_text("[]")
        score(loaded)
        assert path.read_bytes() == before

    def test_should_score_again_when_the_day_was_loaded_with_other_rows(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.store()
        score(loaded)
        loaded.add_visit([0])
        loaded.store()
        report = score(loaded)
        assert (report.unchanged, report.scored) == (False, 2)

    def test_should_score_again_when_another_model_was_promoted(self, loaded, score, serve):
        loaded.add_visit([0, 15, 30])
        loaded.store()
        assert score(loaded).by_model == 0
        serve(threshold=0.2)
        assert score(loaded).by_model == 1

    def test_should_score_again_when_the_stored_scores_were_changed(self, loaded, score, warehouse):
        loaded.add_visit(LONG)
        loaded.store()
        first = score(loaded)
        warehouse.execute(
            "ALTER TABLE visit_scores DROP PARTITION (%(counter_id)s, %(day)s)",
            {"counter_id": loaded.counter_id, "day": loaded.day.isoformat()},
        )
        second = score(loaded)
        assert (second.unchanged, second.digest, len(loaded.rows("visit_scores"))) == (False, first.digest, 1)

    def test_should_leave_other_days_and_counters_when_one_day_is_scored(self, loaded, score):
        other = loaded.twin()
        other.visits, other.hits = [], []
        other.add_visit([0])
        other.store()
        score(other)
        before = other.rows("visit_scores")
        loaded.add_visit(LONG)
        loaded.store()
        score(loaded)
        assert other.rows("visit_scores") == before

    def test_should_leave_no_staging_table_when_scoring_succeeds_or_fails(self, loaded, score, serve, warehouse):
        serve(estimator=Failing())
        loaded.add_visit([0])
        loaded.store()
        with pytest.raises(ModelError):
            score(loaded)
        assert (
            warehouse.scalar(
                "SELECT count() FROM system.tables WHERE database = currentDatabase() AND position(name, '_stage_') > 0"
            )
            == 0
        )


class TestScoreDayRefusals:
    def test_should_name_the_command_when_the_day_is_not_loaded(self, loaded, score):
        with pytest.raises(DayNotReady, match=r"python -m include load --date 2025-07-01"):
            score(loaded)

    def test_should_refuse_when_only_the_next_day_was_loaded(self, loaded, score):
        loaded.store()
        with pytest.raises(DayNotReady, match="The visits of day 2025-07-02"):
            score(loaded, day=loaded.day + dt.timedelta(days=1))

    def test_should_score_nothing_when_a_model_file_was_swapped(self, loaded, score, serve, models_dir):
        model = serve()
        artefact_path(models_dir, model.sha256).write_bytes(b"something else")
        loaded.add_visit(LONG)
        loaded.store()
        with pytest.raises(ModelError, match="digest differs"):
            score(loaded)
        assert loaded.rows("visit_scores") == []

    def test_should_name_the_feature_when_a_model_wants_one_visits_lack(self, loaded, score, serve):
        serve(features=["slots", "shoe_size"])
        loaded.add_visit([0])
        loaded.store()
        with pytest.raises(ModelError, match="shoe_size"):
            score(loaded)

    def test_should_keep_the_earlier_scores_when_a_new_model_fails(self, loaded, score, serve):
        loaded.add_visit([0])
        loaded.store()
        score(loaded)
        before = loaded.rows("visit_scores")
        serve(estimator=Failing())
        with pytest.raises(ModelError, match="failed on 1 visits"):
            score(loaded)
        assert loaded.rows("visit_scores") == before

    def test_should_refuse_when_the_day_is_loaded_again_meanwhile(self, loaded, score):
        loaded.add_visit(LONG)
        loaded.store()

        def reload(message: str, done: int, total: int) -> None:
            if message == "deciding":
                loaded.add_visit([0])
                loaded.seal_as("1-other")

        with pytest.raises(StoreConflict, match="loaded again while it was being scored"):
            score(loaded, progress=reload)

    def test_should_refuse_counts_that_do_not_add_up_when_a_score_is_missing(self, loaded, score, warehouse):
        loaded.add_visit(LONG)
        loaded.add_visit([0])
        loaded.store()
        score(loaded)
        warehouse.execute(
            "ALTER TABLE visit_scores DROP PARTITION (%(counter_id)s, %(day)s)",
            {"counter_id": loaded.counter_id, "day": loaded.day.isoformat()},
        )
        key = {"counter_id": loaded.counter_id, "day": loaded.day}
        counts = count_day(warehouse, features="visit_features", scores="visit_scores", **key)
        with pytest.raises(StoreConflict, match="2 visits, 2 measured, 0 decided"):
            require_conserved(counts, asked=0, **key)


class TestExport:
    def test_should_hold_the_seed_s_fields_when_a_visit_is_level_4(self, loaded, score):
        visit_id = loaded.add_visit([45_296 + second for second in LONG], duration_seconds=240)
        loaded.add_visit([0])
        loaded.store()
        report = score(loaded)
        assert Path(report.path).name == "level4_visits_2025-07-01.json"
        assert json.loads(Path(report.path).read_text()) == [
            {
                "visitId": str(visit_id),
                "clientId": "1750856904411275031",
                "dateTime": "2025-07-01 12:34:56",
                "visitDuration": 240,
            }
        ]

    def test_should_order_by_local_time_then_visit_id_when_starts_are_equal(self, loaded, score):
        for visit_id, first in ((10, 50), (9, 50), (11, 0)):
            loaded.add_visit([first + second for second in LONG], visit_id=visit_id)
        loaded.store()
        listed = json.loads(Path(score(loaded).path).read_text())
        assert [visit["visitId"] for visit in listed] == ["11", "9", "10"]

    def test_should_keep_counters_apart_when_they_share_a_folder(self, loaded, score):
        other = loaded.twin()
        loaded.store()
        other.store()
        assert score(loaded).path != score(other).path

    @pytest.mark.parametrize(
        ("limit", "offset", "shown", "has_more"), [(2, 0, 2, True), (2, 2, 1, False), (5, 9, 0, False)]
    )
    def test_should_page_the_list_when_limit_and_offset_are_given(
        self, loaded, score, warehouse, limit, offset, shown, has_more
    ):
        for _ in range(3):
            loaded.add_visit(LONG)
        loaded.store()
        listed = json.loads(Path(score(loaded).path).read_text())
        page = read_level4_page(
            warehouse,
            counter_id=loaded.counter_id,
            day=loaded.day,
            zone=zone_of(loaded.zone),
            limit=limit,
            offset=offset,
        )
        assert page["data"] == listed[offset : offset + limit]
        assert page["pagination"] == {"total": 3, "limit": limit, "offset": offset, "has_more": has_more}
        assert len(page["data"]) == shown
