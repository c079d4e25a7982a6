"""I2, I3, E4, E5: what is stored once stays as it is, whoever sends it again."""

from __future__ import annotations

import datetime as dt
import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Connection, text

from include.days import utc_now
from include.errors import InputError, StoreBusy, StoreUnavailable
from include.events.envelope.verdicts import Rejected
from include.events.intake.batches import Outcome, RefusedRaw
from include.events.intake.deduplicating import RECALL
from include.events.intake.receipts import read_receipt
from include.events.intake.taking_in import take_in, take_in_all
from include.secret import Secret
from include.state.engine import connect_state
from tests.taken_batches import Desk, numbered

SENDERS = 10


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """The same work in many threads that start together."""
    ready = threading.Barrier(count)

    def one(number: int) -> Any:
        ready.wait(30)
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


def words(outcome: Outcome) -> list[str]:
    return [verdict["verdict"] for verdict in outcome.verdicts]


class TestOneBatch:
    def test_should_store_events_ids_and_receipt_together(self, desk: Desk) -> None:
        outcome = desk.take(numbered(1, 2, 3))
        assert (outcome.status, outcome.accepted, outcome.duplicates, outcome.rejected) == (202, 3, 0, 0)
        assert desk.stored() == {"receipts": 1, "ids": 3, "batches": 1, "quarantine": 0, "lines": 3}

    def test_should_keep_the_good_events_when_one_breaks_a_rule(self, desk: Desk) -> None:
        """E1: the rest of the batch is unharmed."""
        outcome = desk.take([*numbered(1), {"id": "x"}, *numbered(2)])
        assert words(outcome) == ["accepted", "rejected", "accepted"]
        assert desk.stored() == {"receipts": 1, "ids": 2, "batches": 1, "quarantine": 1, "lines": 2}

    def test_should_answer_422_and_keep_the_receipt_when_all_break_a_rule(self, desk: Desk) -> None:
        outcome = desk.take([{"id": "x"}, 7, None])
        assert (outcome.status, outcome.received, outcome.rejected) == (422, 3, 3)
        found = read_receipt(desk.inbox.state, str(outcome.receipt_id))
        assert found is not None
        assert (found.state, found.rejected) == ("landed", 3)

    def test_should_say_spooled_until_it_has_landed(self, desk: Desk) -> None:
        outcome = desk.take(numbered(1, 2))
        found = read_receipt(desk.inbox.state, str(outcome.receipt_id))
        assert found is not None
        assert (found.state, found.landed, found.landed_at) == ("spooled", 0, None)
        desk.inbox.load()
        found = read_receipt(desk.inbox.state, str(outcome.receipt_id))
        assert found is not None
        assert (found.state, found.landed) == ("landed", 2)

    def test_should_say_failed_when_accepted_events_are_nowhere(self, desk: Desk) -> None:
        outcome = desk.take(numbered(1))
        with desk.inbox.state.begin() as connection:
            connection.execute(text("DELETE FROM inbox_batches"))
        found = read_receipt(desk.inbox.state, str(outcome.receipt_id))
        assert found is not None
        assert found.state == "failed"
        assert "doctor" in str(found.reason)

    def test_should_find_no_receipt_when_the_id_is_not_one(self, desk: Desk) -> None:
        assert [read_receipt(desk.inbox.state, text) for text in ("x", str(uuid.uuid4()), "")] == [None] * 3

    def test_should_store_nothing_when_the_work_beside_it_fails(self, desk: Desk) -> None:
        def fail(connection: Connection) -> None:
            raise KeyError

        with pytest.raises(KeyError):
            take_in(desk.inbox.state, desk.batch(numbered(1)), settings=desk.inbox.settings, also=fail)
        assert set(desk.stored().values()) == {0}

    def test_should_store_the_work_beside_it_in_the_same_transaction(self, desk: Desk) -> None:
        note = text(
            "INSERT INTO ingest_offsets (topic, partition, next_offset, updated_at) VALUES (:topic, 0, 7, now())"
        )
        topic = uuid.uuid4().hex
        take_in(
            desk.inbox.state,
            desk.batch(numbered(1)),
            settings=desk.inbox.settings,
            also=lambda connection: connection.execute(note, {"topic": topic}) and None,
        )
        query = text("SELECT next_offset FROM ingest_offsets WHERE topic = :topic")
        with desk.inbox.state.connect() as connection:
            assert connection.execute(query, {"topic": topic}).scalar_one() == 7


class TestI2SameId:
    def test_should_say_duplicate_when_the_content_is_the_same(self, desk: Desk) -> None:
        desk.take(numbered(1, 2))
        assert words(desk.take(numbered(2, 3, 1))) == ["duplicate", "accepted", "duplicate"]
        assert desk.stored()["lines"] == 3

    def test_should_reject_and_keep_the_first_when_the_content_differs(self, desk: Desk) -> None:
        """E5."""
        desk.take(numbered(1))
        first = desk.lines()
        outcome = desk.take([*numbered(2), *numbered(1, event_type="other")])
        assert [(one["verdict"], one.get("code"), one.get("pointer")) for one in outcome.verdicts] == [
            ("accepted", None, None),
            ("rejected", "id_conflict", "/events/1"),
        ]
        assert desk.lines()[:1] == first
        assert desk.stored()["quarantine"] == 1

    def test_should_hold_inside_one_batch_too(self, desk: Desk) -> None:
        outcome = desk.take([*numbered(1, 1), *numbered(1, event_type="other"), *numbered(2, 1)])
        assert words(outcome) == ["accepted", "duplicate", "rejected", "accepted", "duplicate"]
        assert desk.stored()["lines"] == 2

    def test_should_hold_against_the_stored_one_when_the_batch_repeats_both_contents(self, desk: Desk) -> None:
        desk.take(numbered(1))
        outcome = desk.take([*numbered(1, event_type="other"), *numbered(1)])
        assert words(outcome) == ["rejected", "duplicate"]

    def test_should_store_one_of_each_when_two_contents_come_at_once(self, desk: Desk) -> None:
        events = {0: numbered(1, 2, 3), 1: numbered(1, 2, 3, event_type="other")}
        first, second = at_once(2, lambda number: desk.take(events[number]))
        assert sorted([first.accepted, second.accepted]) == [0, 3]
        assert sorted([first.rejected, second.rejected]) == [0, 3]
        assert desk.stored()["lines"] == 3

    def test_should_know_an_id_only_in_its_project(self, desk: Desk) -> None:
        with desk.inbox.state.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO projects (project, app_name, name_key, owner, created_at) "
                    "VALUES ('other', 'other', 'other', 'x', now()) ON CONFLICT DO NOTHING"
                )
            )
        from include.events.apps.rules import read_rules

        with desk.inbox.state.connect() as connection:
            rules = read_rules(connection, "other")
        desk.take(numbered(1))
        assert words(desk.take(numbered(1), rules=rules)) == ["accepted"]

    def test_should_never_wait_in_a_circle_when_batches_share_ids_in_any_order(self, desk: Desk) -> None:
        chance = random.Random(5)
        orders = [chance.sample(range(100), 60) for _ in range(40)]
        outcomes = at_once(8, lambda number: [desk.take(numbered(*order)) for order in orders[number::8]])
        found = [outcome for some in outcomes for outcome in some]
        known = {number for order in orders for number in order}
        assert sum(outcome.accepted for outcome in found) == len(known)
        assert sum(outcome.rejected for outcome in found) == 0
        assert sorted(desk.line_ids()) == sorted(str(uuid.UUID(int=number)) for number in known)


class TestI3SameBatch:
    @pytest.mark.parametrize("how", [{"key": "k-1"}, {"has_ids": True}], ids=["key", "ids"])
    def test_should_give_the_first_answer_when_sent_again(self, desk: Desk, how: dict[str, Any]) -> None:
        events = [*numbered(1, 2), {"id": "bad"}]
        first = desk.take(events, **how)
        stored = desk.stored()
        again = desk.take(events, **how)
        assert (again.is_replayed, again.verdicts, again.receipt_id, again.received_at, again.status) == (
            True, first.verdicts, first.receipt_id, first.received_at, first.status,
        )  # fmt: skip
        assert desk.stored() == stored

    @pytest.mark.parametrize("how", [{"key": "k-1"}, {"has_ids": True}], ids=["key", "ids"])
    def test_should_store_once_and_answer_alike_when_sent_at_once(self, desk: Desk, how: dict[str, Any]) -> None:
        """E4, X7."""
        events = numbered(*range(50))
        outcomes = at_once(SENDERS, lambda _: desk.take(events, **how))
        assert len({outcome.receipt_id for outcome in outcomes}) == 1
        assert [outcome.is_replayed for outcome in outcomes].count(False) == 1
        assert len({outcome.verdicts_json for outcome in outcomes}) == 1
        assert desk.stored() == {"receipts": 1, "ids": 50, "batches": 1, "quarantine": 0, "lines": 50}

    def test_should_store_events_once_when_sent_at_once_without_any_key(self, desk: Desk) -> None:
        outcomes = at_once(SENDERS, lambda _: desk.take(numbered(*range(50))))
        assert sum(outcome.accepted for outcome in outcomes) == 50
        assert sum(outcome.duplicates for outcome in outcomes) == 50 * (SENDERS - 1)
        assert desk.stored()["lines"] == 50

    def test_should_refuse_when_the_key_comes_with_another_body(self, desk: Desk) -> None:
        desk.take(numbered(1), key="k-1")
        with pytest.raises(InputError) as refused:
            desk.take(numbered(2), key="k-1")
        assert (refused.value.code, refused.value.pointer) == ("idempotency_mismatch", "/Idempotency-Key")
        assert desk.stored()["lines"] == 1

    def test_should_keep_the_keys_of_senders_apart(self, desk: Desk) -> None:
        desk.take(numbered(1), key="k-1")
        other = Desk(desk.inbox, type(desk.sender)("key:other", "server"))
        assert not other.take(numbered(2), key="k-1").is_replayed

    @pytest.mark.parametrize("how", [{"key": "k-1"}, {"has_ids": True}], ids=["key", "ids"])
    def test_should_be_a_new_request_when_the_first_was_too_long_ago(self, desk: Desk, how: dict[str, Any]) -> None:
        old = utc_now() - dt.timedelta(days=8)
        first = desk.take(numbered(1), received_at=old, **how)
        again = desk.take(numbered(1), **how)
        assert (again.is_replayed, again.receipt_id != first.receipt_id) == (False, True)
        assert desk.take(numbered(1), **how).receipt_id == again.receipt_id


class TestSeveralBatches:
    def test_should_store_all_in_one_transaction(self, desk: Desk) -> None:
        batches = [desk.batch(numbered(1, 2)), desk.batch([{"id": "x"}]), desk.batch(numbered(2, 3))]
        outcomes = take_in_all(desk.inbox.state, batches, settings=desk.inbox.settings)
        assert [(one.accepted, one.duplicates, one.rejected) for one in outcomes] == [(2, 0, 0), (0, 0, 1), (1, 1, 0)]
        assert desk.stored() == {"receipts": 3, "ids": 3, "batches": 2, "quarantine": 1, "lines": 3}

    def test_should_change_nothing_when_a_message_is_delivered_again(self, desk: Desk) -> None:
        batch = desk.batch([*numbered(1), {"id": "x"}], source_positions=["t/0/1", "t/0/1"])
        first = take_in(desk.inbox.state, batch, settings=desk.inbox.settings)
        stored = desk.stored()
        again = take_in(desk.inbox.state, batch, settings=desk.inbox.settings)
        assert (again.is_replayed, again.verdicts) == (True, first.verdicts)
        assert desk.stored() == stored

    def test_should_put_what_is_no_event_into_quarantine(self, desk: Desk) -> None:
        refused = RefusedRaw(Rejected(0, None, "", "invalid_json", "", "It is not JSON."), b"\xff", "message")
        batch = desk.batch([], refused=[refused], source_positions=["t/0/9"])
        outcome = take_in(desk.inbox.state, batch, settings=desk.inbox.settings)
        assert (outcome.status, outcome.rejected) == (422, 1)
        with desk.inbox.state.connect() as connection:
            row = connection.execute(text("SELECT raw, shape, source_position FROM event_quarantine")).one()
        assert (bytes(row.raw), row.shape, row.source_position) == (b"\xff", "message", "t/0/9")


class TestRaw:
    @pytest.mark.parametrize(
        ("event", "raw"),
        [
            ({"id": "é", "n": 1}, '{"id":"é","n":1}'.encode()),
            ({"n": 10**30}, b'{"n":' + b"1" + b"0" * 30 + b"}"),
            ({"n": float("inf"), "m": [-float("inf")]}, f'{{"n":{10**309},"m":[-{10**309}]}}'.encode()),
            (["x"], b'["x"]'),
            (None, b"null"),
            ({"t": "x" * 70_000}, b'{"t":"' + b"x" * (65_536 - 6)),
        ],
        ids=["text", "long number", "beyond a double", "list", "null", "too large"],
    )
    def test_should_be_kept_as_sent_up_to_64_kib(self, desk: Desk, event: Any, raw: bytes) -> None:
        desk.take([event])
        with desk.inbox.state.connect() as connection:
            assert bytes(connection.execute(text("SELECT raw FROM event_quarantine")).scalar_one()) == raw


class TestI5Trouble:
    @pytest.mark.parametrize(
        ("sqlstate", "code"),
        [
            ("53100", "store_full"),
            ("53200", "store_full"),
            ("55P03", "busy"),
            ("40P01", "busy"),
            ("25006", "unavailable"),
        ],
    )
    @pytest.mark.parametrize("table", ["event_seen", "receipts", "inbox_batches"])
    def test_should_store_nothing_and_say_when_to_come_back(
        self, desk: Desk, sqlstate: str, code: str, table: str
    ) -> None:
        with refusing(desk, table, sqlstate), pytest.raises(StoreBusy) as refused:
            desk.take(numbered(1))
        assert (refused.value.code, refused.value.wait_seconds >= 1) == (code, True)
        assert set(desk.stored().values()) == {0}
        assert desk.take(numbered(1)).accepted == 1

    def test_should_refuse_when_the_disk_is_full_at_the_commit(self, desk: Desk) -> None:
        with refusing(desk, "receipts", "53100", at_commit=True), pytest.raises(StoreBusy):
            desk.take(numbered(1))
        assert set(desk.stored().values()) == {0}

    def test_should_refuse_when_postgresql_does_not_answer(self, desk: Desk) -> None:
        nowhere = connect_state(Secret("postgresql://a:b@127.0.0.1:1/x"))
        with pytest.raises(StoreUnavailable):
            take_in(nowhere, desk.batch(numbered(1)), settings=desk.inbox.settings)


class refusing:
    """PostgreSQL that refuses writes to a table, as it does when something is wrong with it."""

    def __init__(self, desk: Desk, table: str, sqlstate: str, *, at_commit: bool = False) -> None:
        self._engine, self._table, self._sqlstate = desk.inbox.state, table, sqlstate
        self._kind = "CONSTRAINT TRIGGER" if at_commit else "TRIGGER"
        self._when = "AFTER" if at_commit else "BEFORE"
        self._late = "DEFERRABLE INITIALLY DEFERRED" if at_commit else ""

    def __enter__(self) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                f"$$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{self._sqlstate}'; END $$"
            )
            connection.exec_driver_sql(
                f"CREATE {self._kind} refuse {self._when} INSERT ON {self._table} {self._late} "
                "FOR EACH ROW EXECUTE FUNCTION refuse()"
            )

    def __exit__(self, *_: object) -> None:
        with self._engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TRIGGER refuse ON {self._table}")


class TestCost:
    def test_should_look_ids_up_by_the_primary_key_when_there_are_many(self, desk: Desk) -> None:
        with desk.inbox.state.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO event_seen SELECT 0, gen_random_uuid(), 'x', 0, 0 FROM generate_series(1, 20000);"
                    "ANALYZE event_seen"
                )
            )
            ids = connection.execute(text("SELECT event_id::text FROM event_seen LIMIT 500")).scalars().all()
            values = {"projects": "{" + ",".join("0" for _ in ids) + "}", "ids": "{" + ",".join(ids) + "}"}
            plan = "\n".join(connection.exec_driver_sql(f"EXPLAIN {RECALL}", values).scalars())
        assert "pk_event_seen" in plan
        assert "Seq Scan" not in plan
