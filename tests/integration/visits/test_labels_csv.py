"""Labels from a file: matched, counted, refused by line, stored once."""

from __future__ import annotations

import datetime as dt

import pytest

from include.errors import InputError
from tests.labelled_days import NOW, fill_day, import_file, no_stages_left, stored_labels, write_labels
from tests.visit_days import LoadedDay, loaded, migrated, state, visit_environ, warehouse

__all__ = ["loaded", "migrated", "state", "visit_environ", "warehouse"]


@pytest.fixture
def day(loaded: LoadedDay) -> LoadedDay:
    loaded.labels = fill_day(loaded, 40)
    loaded.store()
    return loaded


class TestImportCsv:
    def test_should_store_one_row_per_visit_when_all_are_known(self, day, tmp_path):
        with no_stages_left(day):
            report = import_file(day, write_labels(tmp_path / "labels.csv", day.labels))
        assert (report.rows, report.matched, report.unknown, report.changed_days) == (40, 40, 0, 1)
        assert dict(stored_labels(day)) == day.labels

    def test_should_count_level_4_and_above_as_positive_when_levels_are_given(self, day, tmp_path):
        levels = dict(zip(day.labels, [3, 4, 5, 0], strict=False))
        import_file(day, write_labels(tmp_path / "levels.csv", levels, column="level"))
        assert [(label, level) for _, label, level in stored_labels(day, "visit_id, label, level")] == [
            (0, 3), (1, 4), (1, 5), (0, 0),
        ]  # fmt: skip

    def test_should_keep_every_digit_when_ids_are_above_2_63(self, day, tmp_path):
        report = import_file(day, write_labels(tmp_path / "labels.csv", {2**64 - 1: 1, **day.labels}))
        assert report.unknown_ids == (str(2**64 - 1),)
        assert min(visit_id for visit_id, _ in stored_labels(day)) > 2**63

    def test_should_change_nothing_when_imported_again(self, day, tmp_path):
        path = write_labels(tmp_path / "labels.csv", day.labels)
        import_file(day, path)
        before = stored_labels(day, "*")
        again = import_file(day, path, now=NOW + dt.timedelta(days=1))
        assert (again.changed_days, stored_labels(day, "*")) == (0, before)

    def test_should_let_the_last_import_win_and_keep_the_others_when_a_visit_is_corrected(self, day, tmp_path):
        import_file(day, write_labels(tmp_path / "one.csv", day.labels))
        first = next(iter(day.labels))
        later = NOW + dt.timedelta(hours=1)
        import_file(day, write_labels(tmp_path / "two.csv", {first: 1 - day.labels[first]}), now=later)
        found = {visit_id: (label, at) for visit_id, label, at in stored_labels(day, "visit_id, label, imported_at")}
        assert found.pop(first) == (1 - day.labels[first], later)
        assert found == {visit_id: (label, NOW) for visit_id, label in day.labels.items() if visit_id != first}

    def test_should_list_unknown_visits_when_they_are_not_stored(self, day, tmp_path):
        report = import_file(day, write_labels(tmp_path / "labels.csv", {7: 1, **day.labels, 5: 0}))
        assert (report.unknown, report.unknown_ids, report.matched) == (2, ("7", "5"), 40)

    def test_should_count_lines_when_a_visit_is_named_twice_alike(self, day, tmp_path):
        path = write_labels(tmp_path / "labels.csv", day.labels)
        path.write_text(path.read_text() + path.read_text().partition("\n")[2])
        report = import_file(day, path)
        assert (report.rows, report.duplicates, report.matched) == (80, 40, 40)

    def test_should_name_both_lines_when_they_contradict(self, day, tmp_path):
        first = next(iter(day.labels))
        path = tmp_path / "labels.csv"
        path.write_text(f"visit_id,level\n{first},4\n8,1\n{first},5\n")
        with pytest.raises(InputError, match=rf"lines 2 and 4: visit {first}"), no_stages_left(day):
            import_file(day, path)
        assert stored_labels(day) == []

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            ("x,1", "visit_id 'x' is not a whole number"),
            ("0,1", "visit_id '0' is not a whole number"),
            ("18446744073709551616,1", "visit_id '18446744073709551616' is not a whole number from 1 to"),
            ("1.0,1", "visit_id '1.0'"),
            ("5,2", "label '2' is neither 0 nor 1"),
            ("5,", "label '' is neither 0 nor 1"),
            ("5", "1 values, but the header has 2"),
            ("5,1,1", "3 values, but the header has 2"),
        ],
    )
    def test_should_name_the_line_and_import_nothing_when_a_row_is_bad(self, day, tmp_path, line, reason):
        path = write_labels(tmp_path / "labels.csv", day.labels)
        path.write_text(path.read_text() + line + "\n")
        with pytest.raises(InputError, match="nothing was imported") as caught, no_stages_left(day):
            import_file(day, path)
        assert f"line 42: {reason}" in caught.value.message
        assert stored_labels(day) == []

    def test_should_report_balance_by_device_and_visits_without_hits(self, day, tmp_path):
        silent = day.add_visit([], device_category="2")
        day.store()
        report = import_file(day, write_labels(tmp_path / "labels.csv", {**day.labels, silent: 0}))
        assert report.without_hits == 1
        assert [(found.device, found.labelled) for found in report.devices] == [("desktop", 20), ("mobile", 21)]
        assert sum(found.positive for found in report.devices) == sum(day.labels.values()) == report.positive

    def test_should_refuse_when_an_id_is_stored_for_two_counters(self, day, tmp_path):
        twin = day.twin()
        twin.store()
        path = write_labels(tmp_path / "labels.csv", day.labels)
        with pytest.raises(InputError, match="stored more than once"):
            import_file(day, path, counter_ids=[day.counter_id, twin.counter_id])

    def test_should_read_times_in_the_zone_when_they_have_no_offset(self, day, tmp_path):
        first, second = list(day.labels)[:2]
        path = tmp_path / "labels.csv"
        path.write_text(
            f"labelled_at;visit_id;label\n2025-07-05 12:00:00;{first};1\n2025-07-05T12:00:00+00:00;{second};0\n"
        )
        import_file(day, path)
        assert [at.hour for (at,) in stored_labels(day, "labelled_at")] == [9, 12]


class TestOverlap:
    def test_should_measure_agreement_when_two_sources_label_the_same_visits(self, day, tmp_path):
        import_file(day, write_labels(tmp_path / "one.csv", day.labels), source="anna")
        changed = dict(list(day.labels.items())[:20])
        flipped = next(iter(changed))
        changed[flipped] = 1 - changed[flipped]
        report = import_file(day, write_labels(tmp_path / "two.csv", changed), source="boris")
        (overlap,) = report.overlap
        assert (overlap.sources, overlap.visits, overlap.agreement_share) == (("anna", "boris"), 20, 0.95)
        assert 0 < overlap.kappa < 1
