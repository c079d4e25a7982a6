"""Every change planted behind the product's back is found by the passport and named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from include.registry.artefacts import artefact_path
from include.visits.deciding.decision import MODEL, NO_HITS, RULE
from tests.passport_days import SentDay

ONE_ULP_UP = "score = reinterpretAsFloat64(reinterpretAsUInt64(assumeNotNull(score)) + 1)"
ONE_ULP_DOWN = "score = reinterpretAsFloat64(reinterpretAsUInt64(assumeNotNull(score)) - 1)"
THIS_VISIT = "visit_id = %(visit)s"


@pytest.fixture
def visit_id(day: SentDay) -> int:
    """A desktop visit that a model called level 4+, with three hits or more."""
    sql = (
        "SELECT visit_id FROM visit_scores INNER JOIN visit_features USING (counter_id, date, visit_id) "
        "WHERE reason = 'model' AND visit_scores.device_category = '1' AND hit_count > 2 "
        "AND median_pause_seconds > 20 ORDER BY visit_id LIMIT 1"
    )
    return int(day.rows(sql)[0][0])


def hit_moved(day: SentDay, watch_id: int, seconds: int) -> None:
    """Move one stored hit; its time is part of the sort key, so it is written anew."""
    columns = ", ".join(
        name for (name,) in day.rows(
            "SELECT name FROM system.columns WHERE database = %(database)s AND table = 'hits' ORDER BY position",
            database=day.warehouse.database,
        )
    )  # fmt: skip
    values = columns.replace("hit_at", f"hit_at + {seconds}")
    old = day.rows("SELECT toUnixTimestamp(hit_at) FROM hits WHERE watch_id = %(watch)s", watch=watch_id)[0][0]
    day.rows(f"INSERT INTO hits ({columns}) SELECT {values} FROM hits WHERE watch_id = %(watch)s", watch=watch_id)
    day.warehouse.execute(
        "ALTER TABLE hits DELETE WHERE watch_id = %(watch)s AND toUnixTimestamp(hit_at) = %(old)s",
        {"watch": watch_id, "old": old},
        settings={"mutations_sync": 2},
    )


@pytest.fixture
def moved_hit(day: SentDay, visit_id: int) -> Iterator[int]:
    watch_id = int(day.passport("--visit", visit_id)["hits"][1]["watch_id"])
    hit_moved(day, watch_id, 3)
    yield watch_id
    hit_moved(day, watch_id, -3)


class TestVisit:
    def test_should_be_named_when_the_time_of_a_hit_was_changed(
        self, day: SentDay, visit_id: int, moved_hit: int
    ) -> None:
        assert {"features.median_pause_seconds", "features.std_pause_seconds"} & set(day.differs("--visit", visit_id))

    def test_should_be_named_when_a_feature_was_changed(self, day: SentDay, visit_id: int) -> None:
        slots = day.passport("--visit", visit_id)["features"]["slots"]
        with day.mutated("visit_features", "slots = slots + 1", "slots = slots - 1", THIS_VISIT, visit=visit_id):
            assert day.differs("--visit", visit_id) == {"features.slots": (slots + 1, slots)}

    def test_should_be_named_when_a_score_is_off_by_its_last_bit(self, day: SentDay, visit_id: int) -> None:
        score = day.passport("--visit", visit_id)["model"]["probability"]
        with day.mutated("visit_scores", ONE_ULP_UP, ONE_ULP_DOWN, THIS_VISIT, visit=visit_id):
            found = day.differs("--visit", visit_id)
        assert list(found) == ["model.probability"]
        assert found["model.probability"][1] == score != found["model.probability"][0]

    def test_should_be_named_when_the_threshold_of_a_score_was_changed(self, day: SentDay, visit_id: int) -> None:
        with day.mutated("visit_scores", "threshold = 0.4", "threshold = 0.48", THIS_VISIT, visit=visit_id):
            assert day.differs("--visit", visit_id) == {"model.threshold": (0.4, 0.48)}

    def test_should_be_named_when_the_decision_was_changed(self, day: SentDay) -> None:
        visit_id = day.visit_decided(NO_HITS)
        change, back = "is_level4 = 1, reason = 'rule'", "is_level4 = 0, reason = 'no_hits'"
        with day.mutated("visit_scores", change, back, THIS_VISIT, visit=visit_id):
            found = day.differs("--visit", visit_id)
        assert found == {"decision.reason": (RULE, NO_HITS), "decision.level4": (True, False)}

    def test_should_be_named_when_the_visit_is_gone(self, day: SentDay) -> None:
        visit_id = day.visit_decided(RULE, 9)
        keep = "CREATE TABLE kept ENGINE = Memory AS SELECT * FROM visits WHERE visit_id = %(visit)s"
        day.warehouse.execute(keep, {"visit": visit_id})
        delete = "ALTER TABLE visits DELETE WHERE visit_id = %(visit)s"
        day.warehouse.execute(delete, {"visit": visit_id}, settings={"mutations_sync": 2})
        found = day.differs("--visit", visit_id)
        day.warehouse.execute("INSERT INTO visits SELECT * FROM kept")
        day.warehouse.execute("DROP TABLE kept SYNC")
        assert found["visit.visit_id"] == (str(visit_id), None)


class TestModel:
    def test_should_be_named_when_the_registered_threshold_was_changed(self, day: SentDay, visit_id: int) -> None:
        sql = "UPDATE models SET threshold = {} WHERE name = 'level4_desktop'"
        with day.changed(sql.format(0.5), sql.format(0.48)):
            assert day.differs("--visit", visit_id) == {"model.registered_threshold": (0.5, 0.48)}

    def test_should_be_named_when_the_registered_digest_was_changed(self, day: SentDay, visit_id: int) -> None:
        sha256 = day.model().sha256
        sql = "UPDATE models SET sha256 = '{}' WHERE name = 'level4_desktop'"
        with day.changed(sql.format("0" * 64), sql.format(sha256)):
            assert day.differs("--visit", visit_id) == {"model.registered_sha256": ("0" * 64, sha256)}

    def test_should_be_named_and_not_opened_when_a_byte_of_the_artefact_was_changed(
        self, day: SentDay, visit_id: int
    ) -> None:
        path = artefact_path(day.models_dir, day.model().sha256)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        found = day.differs("--visit", visit_id)
        path.write_bytes(whole)
        assert set(found) == {"model.sha256", "model.probability"}
        assert found["model.probability"][1] is None

    def test_should_be_named_when_the_artefact_is_gone(self, day: SentDay, visit_id: int) -> None:
        path = artefact_path(day.models_dir, day.model().sha256)
        whole = path.read_bytes()
        path.unlink()
        found = day.differs("--visit", visit_id)
        path.write_bytes(whole)
        assert found["model.sha256"] == (day.model().sha256, None)

    def test_should_still_hold_for_the_rule_when_the_artefact_is_gone(self, day: SentDay) -> None:
        path = artefact_path(day.models_dir, day.model().sha256)
        whole = path.read_bytes()
        path.unlink()
        found = day.differs("--visit", day.visit_decided(RULE))
        path.write_bytes(whole)
        assert found == {}


class TestManifest:
    @pytest.mark.parametrize(
        ("change", "back", "named"),
        [
            ("run_id = 'x' || run_id", "run_id = substr(run_id, 2)", "manifest.scores.run_id"),
            (
                "finished_at = finished_at + interval '1 second'",
                "finished_at = finished_at - interval '1 second'",
                "manifest.scores.finished_at",
            ),
            (
                "details = jsonb_set(details, '{models,level4_desktop,threshold}', '0.5')",
                "details = jsonb_set(details, '{models,level4_desktop,threshold}', '0.48')",
                "manifest.scores.details",
            ),
        ],
    )
    def test_should_be_named_when_the_record_of_the_scores_was_changed(
        self, day: SentDay, visit_id: int, change: str, back: str, named: str
    ) -> None:
        sql = "UPDATE day_stages SET {} WHERE stage = 'scores'"
        with day.changed(sql.format(change), sql.format(back)):
            assert list(day.differs("--visit", visit_id)) == [named]


class TestLedger:
    @pytest.mark.parametrize(
        ("change", "back", "named"),
        [
            (
                "identifier = '1' || identifier",
                "identifier = substr(identifier, 2)",
                {"row.identifier", "batch.file_sha256"},
            ),
            (
                "sent_epoch_seconds = sent_epoch_seconds + 1",
                "sent_epoch_seconds = sent_epoch_seconds - 1",
                {"row.epoch", "batch.file_sha256"},
            ),
            (
                "event_at = event_at + interval '1 second'",
                "event_at = event_at - interval '1 second'",
                {"row.date_time", "row.epoch"},
            ),
            ("price = 5", "price = NULL", {"row.price", "batch.file_sha256"}),
            ("target = 'other'", "target = '4plus'", {"batch.target"}),
            ("is_withdrawn = true", "is_withdrawn = false", {"row.is_withdrawn"}),
        ],
    )
    def test_should_be_named_when_a_value_of_the_row_was_changed(
        self, day: SentDay, visit_id: int, change: str, back: str, named: set[str]
    ) -> None:
        batch = day.passport("--visit", visit_id)["batch"]
        sql = "UPDATE conversions SET {} WHERE visit_id = :visit"
        with day.changed(sql.format(change), sql.format(back), visit=visit_id):
            assert set(day.differs("--upload", batch["upload_id"], "--row", batch["line"])) == named

    def test_should_be_named_when_the_day_of_the_row_was_changed(self, day: SentDay, visit_id: int) -> None:
        sql = "UPDATE conversions SET day = day {} 1 WHERE visit_id = :visit"
        batch = day.passport("--visit", visit_id)["batch"]
        with day.changed(sql.format("-"), sql.format("+"), visit=visit_id):
            found = day.differs("--upload", batch["upload_id"], "--row", batch["line"])
        assert {"row.day", "visit.visit_id"} <= set(found)

    def test_should_be_named_when_a_line_number_was_changed(self, day: SentDay, visit_id: int) -> None:
        line = day.passport("--visit", visit_id)["batch"]["line"]
        sql = "UPDATE conversions SET line_number = {} WHERE visit_id = :visit"
        with day.changed(sql.format(line + 5_000), sql.format(line), visit=visit_id):
            found = day.differs("--visit", visit_id)
        assert found["batch.line"][0] == line + 5_000
        assert "batch.file_sha256" in found

    def test_should_be_named_when_another_row_of_the_file_is_gone(self, day: SentDay, visit_id: int) -> None:
        other = day.visit_decided(RULE, 11)
        sql = "UPDATE conversions SET upload_id = {} WHERE visit_id = :visit"
        upload_id = day.passport("--visit", visit_id)["batch"]["upload_id"]
        with day.changed(sql.format("NULL"), sql.format(f"'{upload_id}'"), visit=other):
            found = day.differs("--visit", visit_id)
        assert found["batch.rows"][0] == found["batch.rows"][1] + 1

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ("file_sha256 = reverse(file_sha256)", {"batch.file_sha256", "batch.comment"}),
            ("comment = reverse(comment)", {"batch.comment"}),
            ("metrika_status = 'LINKAGE_FAILURE'", {"batch.stage"}),
        ],
    )
    def test_should_be_named_when_a_value_of_the_upload_was_changed(
        self, day: SentDay, visit_id: int, change: str, named: set[str]
    ) -> None:
        back = "metrika_status = 'PROCESSED'" if "status" in change else change
        with day.changed(f"UPDATE conversion_uploads SET {change}", f"UPDATE conversion_uploads SET {back} WHERE true"):
            assert set(day.differs("--visit", visit_id)) == named


def test_should_hold_again_when_everything_was_put_back(day: SentDay, visit_id: int) -> None:
    found: dict[str, Any] = day.differs("--visit", visit_id)
    assert found == {}
    assert day.visit_decided(MODEL) > 0
