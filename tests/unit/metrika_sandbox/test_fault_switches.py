"""Every switch of the sandbox has a name for the command line, and says what is wrong with a bad one (M26)."""

from __future__ import annotations

import dataclasses

import pytest

from include.errors import ConfigError
from include.metrika_sandbox.behaviour.fault_board import FaultBoard
from include.metrika_sandbox.behaviour.faults import ALWAYS, EXTRAS, FAULTS, Faults, parse_faults

DEFAULTS = Faults()
EXAMPLE_VALUES = {"empty_parts": "absent", "upload_status": "IN_QUEUE"}

# The switches of the specification's table: text for --faults -> what must be in force.
TABLE = [
    ("quota_429=0", {"quota_status": 429, "quota_share": 0.0}),
    ("quota_420=0", {"quota_status": 420, "quota_share": 0.0}),
    ("quota_403=0", {"quota_status": 403, "quota_share": 0.0}),
    ("quota_off", {"quota_enforced": False}),
    ("daily_quota=4990", {"daily_used": 4990}),
    ("quota_429=0.3", {"quota_share": 0.3}),
    ("server_errors=0.2", {"server_error_share": 0.2, "server_error_status": 0}),
    ("server_errors_503=0.2", {"server_error_share": 0.2, "server_error_status": 503}),
    ("server_errors_504=0.2", {"server_error_share": 0.2, "server_error_status": 504}),
    ("connection_resets=0.1", {"reset_share": 0.1}),
    ("slow_answers=0.5,slow_seconds=2", {"slow_share": 0.5, "slow_seconds": 2.0}),
    ("slow_queue=7", {"slow_queue_seconds": 7.0}),
    ("awaiting_retry", {"queue_path": "awaiting_retry", "queue_path_count": ALWAYS}),
    ("processing_failed=2", {"queue_path": "processing_failed", "queue_path_count": 2}),
    ("canceled", {"queue_path": "canceled"}),
    ("cleaned_automatically", {"queue_path": "cleaned_automatically_as_too_old"}),
    ("unknown_status", {"queue_path": "unknown"}),
    ("truncated_part", {"truncated_part": "once"}),
    ("truncated_part_always", {"truncated_part": "always"}),
    ("dropped_socket", {"dropped_socket": "once"}),
    ("dropped_socket_always", {"dropped_socket": "always"}),
    ("gzip_broken", {"gzip_broken": "always"}),
    ("gzip_broken_once", {"gzip_broken": "once"}),
    ("missing_trailing_lf", {"missing_trailing_lf": True}),
    ("header_changed", {"header_changed": True}),
    ("identity_encoding", {"identity_encoding": True}),
    ("quotes_wrapped", {"quotes_wrapped": True}),
    ("no_extras", {"extras": frozenset()}),
    ("garbage_rows=0.05", {"garbage_share": 0.05}),
    ("full_storage=1000", {"stored_bytes_preset": 1000}),
    ("overdrawn", {"stored_bytes_preset": 10_742_418_240}),
    ("expected_size=1", {"expected_size_factor": 1.0}),
    ("late_edits=3", {"late_edits": 3}),
    ("no_midnight_visits", {"midnight_visits": False}),
    ("reused_visit_ids", {"reused_visit_ids": True}),
    ("no_pv_visit_id", {"pv_visit_id": "empty"}),
    ("no_watch_ids_visit_id", {"pv_visit_id": "refused"}),
    ("long_visits", {"long_visits": True}),
    ("linkage_failure=1", {"linkage_failure_count": 1}),
    ("no_newer_quantities", {"newer_quantities": False}),
    ("no_link_at_start", {"link_at_start": False}),
    ("no_goals", {"no_goals": True}),
    ("lost_upload_reply=2", {"lost_upload_replies": 2}),
    ("lost_create_reply", {"lost_create_replies": 1}),
    ("invalid_token_403", {"bad_token_status": 403}),
]


def _text_of(name: str) -> str:
    """The switch with a value, when it takes one."""
    switch = FAULTS[name]
    if not switch.value_field:
        return name
    return f"{name}={EXAMPLE_VALUES.get(name, '3')}"


class TestM26Names:
    @pytest.mark.parametrize(("text", "wanted"), TABLE)
    def test_should_set_what_the_table_says_when_named(self, text: str, wanted: dict[str, object]) -> None:
        found = dataclasses.asdict(parse_faults(text))
        assert {name: found[name] for name in wanted} == wanted

    @pytest.mark.parametrize("extra", sorted(EXTRAS))
    def test_should_leave_one_oddity_out_when_named(self, extra: str) -> None:
        assert parse_faults(f"no_{extra}").extras == EXTRAS - {extra}

    def test_should_have_all_oddities_on_when_nothing_is_said(self) -> None:
        assert parse_faults("").extras == EXTRAS

    def test_should_be_a_healthy_strict_metrika_when_nothing_is_said(self) -> None:
        assert parse_faults("") == DEFAULTS

    @pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Faults)])
    def test_should_reach_every_switch_from_the_command_line(self, field: str) -> None:
        changed = [name for name in FAULTS if getattr(parse_faults(_text_of(name)), field) != getattr(DEFAULTS, field)]
        assert changed

    def test_should_add_up_when_several_are_named(self) -> None:
        found = parse_faults("quota_420=0, no_escapes ,no_bad_utf8,late_edits=2")
        assert (found.quota_status, found.late_edits) == (420, 2)
        assert found.extras == EXTRAS - {"escapes", "bad_utf8"}


class TestM26BadNames:
    def test_should_list_the_known_ones_when_a_name_is_unknown(self) -> None:
        with pytest.raises(ConfigError, match=r"'no_such' is not a fault; known: .*quota_420"):
            parse_faults("no_such")

    def test_should_refuse_a_value_when_the_fault_takes_none(self) -> None:
        with pytest.raises(ConfigError, match="quota_off takes no value"):
            parse_faults("quota_off=1")

    def test_should_name_the_value_when_it_does_not_fit(self) -> None:
        with pytest.raises(ConfigError, match="'much' is not a value of slow_queue"):
            parse_faults("slow_queue=much")


class TestM26CountedFaults:
    def test_should_strike_so_often_as_the_count_says(self) -> None:
        board = FaultBoard(parse_faults("lost_upload_reply=2"))
        assert [board.take("lost_upload_replies") for _ in range(3)] == [True, True, False]

    def test_should_strike_always_when_the_count_is_open(self) -> None:
        board = FaultBoard(parse_faults("linkage_failure"))
        assert all(board.take("linkage_failure_count") for _ in range(5))
