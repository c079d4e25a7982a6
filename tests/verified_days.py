"""A day taken through the whole chain, changes planted behind the product's back, and putting everything back."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from include.metrika_sandbox.behaviour.faults import Faults
from include.provenance.day_checks.verdicts import DayVerdict
from include.provenance.verify_day import verify_day
from include.registry.artefacts import artefact_path
from include.registry.promotions import COMMAND, promote
from include.registry.versions import list_versions, register
from include.secret import Secret
from include.services.engines.endpoints import Endpoints
from include.state.engine import connect_state, migrate
from include.visits.scoring.export import export_path
from include.warehouse.client import Warehouse
from tests.command_line import CommandLine, command_line
from tests.visit_models import SlotShare

COUNTER, DAY = 101, dt.date(2026, 11, 10)
TABLES = ("visits", "hits", "visits_quarantine", "hits_quarantine", "visit_features", "visit_scores")
STATE = ("day_stages", "day_seals", "models", "conversion_uploads", "conversions")
SYNC = " SETTINGS mutations_sync = 2"


@dataclass(frozen=True)
class Expected:
    """What verify-day must say about one planted change.

    Attributes:
        stage: the only stage that differs.
        place: beginning of the place of every finding.
        texts: words that one finding must hold, all of them.
    """

    stage: str
    place: str
    texts: tuple[str, ...]


@dataclass
class VerifiedDay:
    """A loaded, scored and uploaded day."""

    commands: CommandLine
    warehouse: Warehouse
    state: Engine
    folder: Path
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def models_dir(self) -> Path:
        return self.folder / "models"

    @property
    def export(self) -> Path:
        return export_path(self.folder / "exports", COUNTER, DAY)

    def verify(self, day: dt.date = DAY) -> DayVerdict:
        return verify_day(
            self.warehouse,
            self.state,
            counter_id=COUNTER,
            day=day,
            exports_dir=self.folder / "exports",
            models_dir=self.models_dir,
        )

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.warehouse.execute(sql, {"counter_id": COUNTER, "day": DAY, **values})

    def one(self, sql: str, **values: Any) -> Any:
        return self.rows(sql, **values)[0][0]

    def change(self, sql: str, **values: Any) -> None:
        """Change the state."""
        with self.state.begin() as connection:
            assert connection.execute(text(sql), values).rowcount > 0

    def told(self, sql: str, **values: Any) -> Any:
        """Read one value of the state."""
        with self.state.connect() as connection:
            return connection.execute(text(sql), values).scalar()

    def keep(self) -> None:
        """Remember everything that is stored."""
        for name in TABLES:
            self.warehouse.execute(f"CREATE TABLE kept_{name} AS {name}")
            self.warehouse.execute(f"INSERT INTO kept_{name} SELECT * FROM {name}")
        with self.state.connect() as connection:
            for name in STATE:
                found = connection.execute(text(f"SELECT to_jsonb(t)::text FROM {name} AS t")).scalars()
                self.kept[name] = sorted(found)
        self.kept["files"] = {
            path: path.read_bytes() for path in self.folder.rglob("*") if path.suffix in (".json", ".joblib")
        }

    def put_back(self) -> None:
        """Make everything as it was when it was kept."""
        for name in TABLES:
            partitions = self.warehouse.execute(
                "SELECT DISTINCT partition_id FROM system.parts WHERE active AND database = %(database)s "
                "AND table IN (%(name)s, %(kept)s)",
                {"database": self.warehouse.database, "name": name, "kept": f"kept_{name}"},
            )
            for (partition,) in partitions:
                self.warehouse.execute(f"ALTER TABLE {name} REPLACE PARTITION ID '{partition}' FROM kept_{name}")
        with self.state.begin() as connection:
            connection.execute(text(f"TRUNCATE {', '.join(STATE)} CASCADE"))
            for name in STATE:
                insert = text(
                    f"INSERT INTO {name} SELECT * FROM jsonb_populate_record(NULL::{name}, CAST(:row AS jsonb))"
                )
                for row in self.kept[name]:
                    connection.execute(insert, {"row": row})
        for path, data in self.kept["files"].items():
            if path.read_bytes() != data:
                path.write_bytes(data)

    def contents(self) -> dict[str, Any]:
        """Everything stored, seals included."""
        with self.state.connect() as connection:
            seals = sorted(map(str, connection.execute(text("SELECT * FROM day_seals"))))
        return {**self.commands.contents(), "seals": seals}


@contextlib.contextmanager
def verified_day(
    endpoints: Endpoints, folder: Path, *, visits_per_day: int = 300, **troubles: Any
) -> Iterator[VerifiedDay]:
    """A day with every kind of row: quarantined, by rule, by model, skipped, sent and linked."""
    faults = Faults(garbage_share=0.03, **troubles)
    with command_line(endpoints, folder, visits_per_day=visits_per_day, faults=faults) as commands:
        commands.environ["METRIKA_QUARANTINE_SHARE"] = "0.5"
        state = connect_state(Secret(commands.environ["DATABASE_URL"]))
        migrate(state)
        for name, limit in (("level4_desktop", 0.3), ("level4_mobile", 0.2)):
            made = register(
                state, folder / "models", name=name, artefact=SlotShare(30.0), threshold=limit, features=["slots"]
            )
            promote(state, name, made.version, cause=COMMAND)
        commands.json("load", "--date", DAY)
        commands.json("score", "--date", DAY)
        commands.json("conversions", "upload", "--date", DAY)
        deadline = time.monotonic() + 30
        while commands.json("conversions", "track")["pending"]:
            assert time.monotonic() < deadline
        found = VerifiedDay(commands, commands.warehouse, state, folder)
        found.keep()
        try:
            yield found
        finally:
            state.dispose()


Plant = Callable[[VerifiedDay, random.Random], Expected]


def _any_visit(day: VerifiedDay, chance: random.Random, where: str = "1") -> int:
    sql = (
        "SELECT visit_id FROM visit_scores INNER JOIN visit_features USING (counter_id, date, visit_id) "
        f"WHERE {where} ORDER BY visit_id"
    )
    return int(chance.choice(day.rows(sql))[0])


def _visit_duration(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance)
    old = day.one("SELECT duration_seconds FROM visits WHERE visit_id = %(visit)s", visit=visit)
    day.rows(f"ALTER TABLE visits UPDATE duration_seconds = {old + 7} WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("visits", "visits of", (str(visit), "duration_seconds", f"stored {old + 7}", f"should be {old}"))


def _visit_flag(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance)
    day.rows(f"ALTER TABLE visits UPDATE is_new_user = 1 - is_new_user WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("visits", "visits of", (f"visit {visit}", "is_new_user"))


def _visit_watch_ids(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "hit_count > 2")
    fewer = "watch_ids = arrayPopBack(watch_ids)"
    day.rows(f"ALTER TABLE visits UPDATE {fewer} WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("visits", "visits of", (f"visit {visit}", "watch_ids"))


def _visit_deleted(day: VerifiedDay, chance: random.Random) -> Expected:
    visit, count = _any_visit(day, chance), day.one("SELECT count() FROM visits WHERE date = %(day)s")
    day.rows(f"ALTER TABLE visits DELETE WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("visits", "visits of", (f"stored {count - 1} rows", f"should be {count} rows"))


def _hit_deleted(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "hit_count > 2")
    listed = "SELECT arrayJoin(watch_ids) FROM visits WHERE visit_id = %(visit)s"  # some may lie in quarantine
    watch = day.one(f"SELECT max(watch_id) FROM hits WHERE watch_id IN ({listed})", visit=visit)
    day.rows(f"ALTER TABLE hits DELETE WHERE watch_id = %(watch)s{SYNC}", watch=watch)
    return Expected("hits", "hits of", (str(visit), "hit_count"))


def _hit_flag(day: VerifiedDay, chance: random.Random) -> Expected:
    watch = int(chance.choice(day.rows("SELECT watch_id FROM hits WHERE date = %(day)s ORDER BY 1"))[0])
    day.rows(f"ALTER TABLE hits UPDATE is_link = 1 - is_link WHERE watch_id = %(watch)s{SYNC}", watch=watch)
    return Expected("hits", "hits of", (str(watch), "is_link"))


def _hit_doubled(day: VerifiedDay, chance: random.Random) -> Expected:
    watch = int(chance.choice(day.rows("SELECT watch_id FROM hits WHERE date = %(day)s ORDER BY 1"))[0])
    day.rows("INSERT INTO hits SELECT * FROM hits WHERE watch_id = %(watch)s", watch=watch)
    return Expected("hits", "hits of", (str(watch), "several rows"))


def _next_day_hit(day: VerifiedDay, chance: random.Random) -> Expected:
    """Visits over midnight reach into the next day's hits."""
    following = DAY + dt.timedelta(days=1)
    found = day.rows("SELECT watch_id FROM hits WHERE date = %(following)s ORDER BY 1", following=following)
    watch = int(chance.choice(found)[0])
    day.rows(f"ALTER TABLE hits UPDATE is_link = 1 - is_link WHERE watch_id = %(watch)s{SYNC}", watch=watch)
    return Expected("hits", f"hits of {following}", (str(watch), "is_link"))


def _quarantine_removed(day: VerifiedDay, chance: random.Random) -> Expected:
    lines = day.rows("SELECT part_number, line_number FROM hits_quarantine WHERE date = %(day)s ORDER BY 1, 2")
    part, line = chance.choice(lines)
    day.rows(f"ALTER TABLE hits_quarantine DELETE WHERE part_number = {part} AND line_number = {line}{SYNC}")
    return Expected("hits", "hits_quarantine", (f"stored {len(lines) - 1} rows", f"should be {len(lines)} rows"))


def _quarantine_edited(day: VerifiedDay, chance: random.Random) -> Expected:
    del chance
    day.rows(f"ALTER TABLE hits_quarantine UPDATE raw = concat(raw, '?') WHERE date = %(day)s{SYNC}")
    return Expected("hits", "hits_quarantine", ("other values",))


def _feature(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "hit_count > 2")
    day.rows(f"ALTER TABLE visit_features UPDATE slots = slots + 1 WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("scores", "visit_features", (str(visit), "slots"))


def _score(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "score IS NOT NULL AND score > 0")
    raised = "reinterpretAsFloat64(reinterpretAsUInt64(assumeNotNull(score)) + 1)"
    day.rows(f"ALTER TABLE visit_scores UPDATE score = {raised} WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("scores", "visit_scores", (str(visit), ", score:"))


def _reason(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "reason = 'below_threshold'")
    day.rows(f"ALTER TABLE visit_scores UPDATE reason = 'no_model' WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("scores", "visit_scores", (str(visit), "reason", "stored no_model", "should be below_threshold"))


def _score_row(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance)
    day.rows(f"ALTER TABLE visit_scores DELETE WHERE visit_id = %(visit)s{SYNC}", visit=visit)
    return Expected("scores", "visit_scores", (str(visit), "stored no row"))


def _export_byte(day: VerifiedDay, chance: random.Random) -> Expected:
    data = bytearray(day.export.read_bytes())
    at = chance.choice([place for place, byte in enumerate(data) if chr(byte).isdigit()])
    data[at] = ord("0") + (data[at] - ord("0") + 1) % 10
    day.export.write_bytes(bytes(data))
    return Expected("scores", str(day.export), ())


def _export_space(day: VerifiedDay, chance: random.Random) -> Expected:
    del chance
    day.export.write_bytes(day.export.read_bytes() + b" ")
    return Expected("scores", str(day.export), ("line", "byte"))


def _manifest_count(day: VerifiedDay, chance: random.Random) -> Expected:
    stage, name = chance.choice(
        [("visits", "stored"), ("hits", "quarantined"), ("scores", "level4"), ("upload", "sent")]
    )
    day.change(
        "UPDATE day_stages SET counts = jsonb_set(counts, ARRAY[:name], to_jsonb((counts->>:name)::int + 1)) "
        "WHERE stage = :stage AND day = :day", name=name, stage=stage, day=DAY,
    )  # fmt: skip
    return Expected(stage, "day_stages", (f"stage {stage}", f"counts.{name}"))


def _manifest_digest(day: VerifiedDay, chance: random.Random) -> Expected:
    stage = chance.choice(["visits", "hits", "scores", "upload"])
    day.change(
        "UPDATE day_stages SET digest = reverse(digest) WHERE stage = :stage AND day = :day", stage=stage, day=DAY
    )
    return Expected(stage, "day_stages", (f"stage {stage}", "digest"))


def _seal(day: VerifiedDay, chance: random.Random) -> Expected:
    del chance
    day.change("UPDATE day_seals SET digest = reverse(digest) WHERE day = :day", day=DAY)
    return Expected("visits", "day_seals", ("digest",))


def _artefact(day: VerifiedDay, chance: random.Random) -> Expected:
    path = artefact_path(day.models_dir, list_versions(day.state)[0].sha256)
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1
    path.write_bytes(bytes(data))
    return Expected("scores", str(path), ("sha256",))


def _threshold(day: VerifiedDay, chance: random.Random) -> Expected:
    name = chance.choice(["level4_desktop", "level4_mobile"])
    day.change("UPDATE models SET threshold = threshold + 0.001 WHERE name = :name", name=name)
    return Expected("scores", "models", (name, "threshold"))


def _ledger_row(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "is_level4 = 1")
    day.change("DELETE FROM conversions WHERE visit_id = :visit", visit=visit)
    return Expected("upload", "conversions", (str(visit), "stored no row"))


def _ledger_identifier(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "is_level4 = 1")
    client = day.one("SELECT client_id FROM visit_scores WHERE visit_id = %(visit)s", visit=visit)
    day.change("UPDATE conversions SET identifier = '17' WHERE visit_id = :visit", visit=visit)
    return Expected("upload", "conversions", (str(visit), "identifier", "stored 17", f"should be {client}"))


def _ledger_time(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "is_level4 = 1")
    day.change(
        "UPDATE conversions SET sent_epoch_seconds = sent_epoch_seconds + 1 WHERE visit_id = :visit", visit=visit
    )
    return Expected("upload", "conversions", (str(visit), "sent_epoch_seconds"))


def _ledger_withdrawn(day: VerifiedDay, chance: random.Random) -> Expected:
    visit = _any_visit(day, chance, "is_level4 = 1")
    day.change("UPDATE conversions SET is_withdrawn = true WHERE visit_id = :visit", visit=visit)
    return Expected("upload", "conversions", (str(visit), "is_withdrawn"))


def _file_digest(day: VerifiedDay, chance: random.Random) -> Expected:
    del chance
    day.change("UPDATE conversion_uploads SET file_sha256 = reverse(file_sha256)")
    return Expected("upload", "conversion_uploads", ("file_sha256",))


PLANTS: dict[str, Plant] = {
    plant.__name__.removeprefix("_"): plant
    for plant in (
        _visit_duration, _visit_flag, _visit_watch_ids, _visit_deleted, _hit_deleted, _hit_flag, _hit_doubled,
        _next_day_hit,
        _quarantine_removed, _quarantine_edited, _feature, _score, _reason, _score_row, _export_byte, _export_space,
        _manifest_count, _manifest_digest, _seal, _artefact, _threshold, _ledger_row, _ledger_identifier, _ledger_time,
        _ledger_withdrawn, _file_digest,
    )
}  # fmt: skip


def blamed(verdict: DayVerdict) -> dict[str, list[str]]:
    """What was found, by stage."""
    return {one.stage: [finding.text for finding in one.findings] for one in verdict.stages if not one.holds}


def check_found(verdict: DayVerdict, expected: Expected) -> None:
    """The change is found and named, and nothing else is blamed."""
    found = blamed(verdict)
    assert list(found) == [expected.stage], json.dumps(found)
    findings = [finding for one in verdict.stages for finding in one.findings]
    assert {finding.place.startswith(expected.place) for finding in findings} == {True}, found
    assert any(all(word in finding.text for word in expected.texts) for finding in findings), found
    assert not verdict.holds
