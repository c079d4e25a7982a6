from __future__ import annotations

import json

import pytest

from include.visits.deciding.decision import (
    BELOW_THRESHOLD,
    DEVICE_NOT_MODELLED,
    MODEL,
    NO_HITS,
    RULE,
)
from tests.passport_days import COUNTER, DAY, SentDay

KEYS = {
    "row", "visit", "hits", "features", "model", "rule", "decision", "batch", "metrika", "runs", "times", "verified",
    "mismatches",
}  # fmt: skip


class TestPassport:
    def test_should_carry_the_keys_of_the_contract(self, day: SentDay) -> None:
        found = day.passport("--visit", day.visit_decided(MODEL))
        assert set(found) == KEYS
        assert {"counter", "target", "identifier", "date_time", "epoch", "price", "currency"} <= set(found["row"])
        assert {"visit_id", "client_id", "start", "duration", "page_views", "device"} <= set(found["visit"])
        assert {"name", "version", "sha256", "threshold", "probability"} <= set(found["model"])
        assert {"level4", "reason"} <= set(found["decision"])
        assert {"upload_id", "file_sha256", "line", "comment", "metrika_upload_id"} <= set(found["batch"])
        assert {"status", "source", "line", "linked", "checked_at"} <= set(found["metrika"])
        assert {"load", "score", "upload"} <= set(found["runs"])
        assert [set(hit) for hit in found["hits"]] == [{"watch_id", "time"}] * len(found["hits"])
        assert found["rule"]["180-5-5"] is False

    def test_should_show_the_very_line_that_metrika_took(self, day: SentDay) -> None:
        found = day.passport("--visit", day.visit_decided(MODEL, 40))
        taken = day.commands.sandbox.uploads(COUNTER)[0]["rows"][found["batch"]["line"] - 1]
        assert found["row"]["csv"] == ",".join(taken[name] for name in ("ClientId", "Target", "DateTime"))
        assert found["row"]["identifier"] == found["visit"]["client_id"] == taken["ClientId"]
        assert (found["decision"]["outcome"], found["decision"]["sent"]) == ("done", True)
        assert found["metrika"]["status"] == "PROCESSED"
        assert None not in [time for name, time in found["times"].items()]

    def test_should_list_the_stored_hits_by_time(self, day: SentDay) -> None:
        visit_id = day.visit_decided(RULE)
        found = day.passport("--visit", visit_id)
        stored = day.rows(
            "SELECT toString(watch_id), toUnixTimestamp(hit_at) FROM hits WHERE watch_id IN "
            "(SELECT arrayJoin(watch_ids) FROM visits WHERE visit_id = %(visit)s) ORDER BY hit_at, watch_id",
            visit=visit_id,
        )
        assert [hit["watch_id"] for hit in found["hits"]] == [watch_id for watch_id, _ in stored]
        assert len(stored) == found["features"]["hit_count"] >= 5
        assert found["hits"][0]["time"].endswith("+03:00")

    @pytest.mark.parametrize("reason", [RULE, MODEL, BELOW_THRESHOLD, NO_HITS, DEVICE_NOT_MODELLED])
    def test_should_come_out_the_same_when_derived_again(self, day: SentDay, reason: str) -> None:
        found = day.passport("--visit", day.visit_decided(reason), "--verify")
        assert (found["verified"], found["mismatches"], found["decision"]["reason"]) == (True, [], reason)
        assert (found["model"] is None) == (reason not in (MODEL, BELOW_THRESHOLD))
        assert (found["row"] is None) == (reason not in (RULE, MODEL))

    def test_should_say_why_when_a_visit_was_never_sent(self, day: SentDay) -> None:
        found = day.passport("--visit", day.visit_decided(BELOW_THRESHOLD))
        assert (found["row"], found["batch"], found["metrika"]) == (None, None, None)
        assert (found["decision"]["outcome"], found["decision"]["level4"]) == ("not_level4", False)
        assert "not above its threshold" in found["decision"]["why"]

    def test_should_not_claim_to_be_verified_when_nobody_asked(self, day: SentDay) -> None:
        found = day.passport("--visit", day.visit_decided(RULE))
        assert (found["verified"], found["mismatches"]) == (False, [])

    def test_should_tell_the_story_in_order_when_a_person_reads_it(self, day: SentDay) -> None:
        page = day.commands.run("conversions", "passport", "--visit", day.visit_decided(MODEL), "--verify").stdout
        steps = ["Visit", "Hits", "Features", "Rule 180-5-5", "Model", "Decision", "Row", "Upload", "Metrika"]
        places = [page.index(f"\n{step}") for step in steps]
        assert places == sorted(places)
        assert "every value came out the same" in page

    def test_should_show_no_secret(self, day: SentDay) -> None:
        environ = day.commands.environ
        secrets = [environ["METRIKA_TOKEN"], environ["CLICKHOUSE_PASSWORD"], environ["DATABASE_URL"].split(":")[2][:20]]
        page = day.commands.run("conversions", "passport", "--visit", day.visit_decided(MODEL), "--verify").output
        shown = page + json.dumps(day.passport("--visit", day.visit_decided(MODEL)))
        assert [secret for secret in secrets if secret in shown] == []


class TestFinding:
    def test_should_find_the_same_conversion_by_every_name(self, day: SentDay) -> None:
        by_visit = day.passport("--visit", day.visit_decided(MODEL, 3), "--counter", COUNTER, "--target", "4plus")
        batch, row = by_visit["batch"], by_visit["row"]
        assert day.passport("--upload", batch["upload_id"], "--row", batch["line"]) == by_visit
        assert day.passport("--upload", batch["metrika_upload_id"], "--row", batch["line"]) == by_visit
        for moment in (row["date_time"], row["date_time"][:19], row["date_time"][:19].replace("T", " ")):
            named = ("--client", row["identifier"], "--counter", COUNTER, "--date-time", moment)
            assert day.passport(*named) == by_visit

    def test_should_list_the_matches_and_how_to_choose_when_there_are_several(self, day: SentDay) -> None:
        upload_id = day.ledger("SELECT upload_id FROM conversion_uploads")[0][0]
        result = day.commands.run("conversions", "passport", "--upload", upload_id, "--json")
        found = json.loads(result.stdout)
        assert (result.exit_code, found["code"], found["give"]) == (2, "several_matches", "--row")
        assert [match["row"] for match in found["matches"][:3]] == ["1", "2", "3"]
        assert "give --row" in day.commands.run("conversions", "passport", "--upload", upload_id).stdout

    def test_should_list_the_visits_when_a_client_came_twice(self, day: SentDay) -> None:
        client, count = day.rows("SELECT client_id, count() FROM visits GROUP BY client_id HAVING count() > 1 LIMIT 1")[
            0
        ]
        found = day.passport("--client", client)
        assert (found["give"], len(found["matches"])) == ("--visit", count)

    @pytest.mark.parametrize(
        ("words", "status", "sentence"),
        [
            ((), 2, "Nothing is named"),
            (("--visit", "5", "--client", "6"), 2, "Give either --visit or --client"),
            (("--visit", "5", "--row", "1"), 2, "A row is a line of an upload"),
            (("--visit", "-5"), 2, "--visit '-5' cannot be used"),
            (("--visit", "18446744073709551616"), 2, "cannot be used"),
            (("--upload", "nonsense"), 2, "give the UUID of an upload"),
            (("--visit", "5"), 2, "Nothing stored matches"),
            (("--upload", "7001", "--row", "999999"), 2, "has no row 999999"),
            (("--client", "5", "--date-time", "2025-07-01 12:00:00"), 2, "A time alone names no conversion"),
            (("--client", "5", "--counter", COUNTER, "--date-time", "noon"), 2, "is not a conversion time"),
            (("--visit", "5", "--date", "tomorrow"), 2, "is not a day"),
            (("--visit", "5", "--from", "2025-07-01"), 2, "belong to --sample"),
            (("--visit", "5", "--sample", "3"), 2, "draws rows by itself"),
            (("--sample", "3", "--date", "2001-01-01"), 2, "The ledger has no such rows"),
            (("--sample", "3", "--date", DAY, "--to", DAY), 2, "Give either --date, or --from"),
        ],
    )
    def test_should_end_with_one_sentence_when_the_question_is_wrong(
        self, day: SentDay, words: tuple[object, ...], status: int, sentence: str
    ) -> None:
        result = day.commands.run("conversions", "passport", *words)
        assert (result.exit_code, result.stdout) == (status, "")
        assert sentence in " ".join(result.stderr.split())


class TestSample:
    def test_should_agree_when_a_thousand_random_rows_are_derived_again(self, day: SentDay) -> None:
        found = day.passport("--sample", 1_000, "--date", DAY, "--seed", 7)
        assert found == {"rows": 1_000, "agree": 1_000, "differ": 0, "seed": 7, "differing": []}

    def test_should_take_all_rows_when_there_are_fewer(self, day: SentDay) -> None:
        count = day.ledger("SELECT count(*) FROM conversions")[0][0]
        assert day.passport("--sample", 100_000, "--from", DAY, "--to", DAY)["agree"] == count > 1_000

    def test_should_name_the_rows_that_differ(self, day: SentDay) -> None:
        visit_id = day.visit_decided(RULE, 5)
        with day.mutated(
            "visit_features", "slots = slots + 1", "slots = slots - 1", "visit_id = %(visit)s", visit=visit_id
        ):
            result = day.commands.run("conversions", "passport", "--sample", 100_000, "--json")
            found = json.loads(result.stdout)
        assert (result.exit_code, found["differ"]) == (1, 1)
        assert [(one["visit"], [field["field"] for field in one["differs"]]) for one in found["differing"]] == [
            (str(visit_id), ["features.slots"])
        ]
