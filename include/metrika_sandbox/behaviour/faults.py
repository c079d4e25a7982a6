"""What can go wrong in the sandbox: one switch per trouble, off by default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from include.errors import ConfigError

ALWAYS = -1  # a count that never runs out
STORE_BYTES = 10_737_418_240
OVERDRAWN_BYTES = 5_000_000  # stored above the limit: makes the day quantity negative
EXTRAS = frozenset({"short_times", "bare_arrays", "null_mark", "lone_quote", "escapes", "bad_utf8", "long_ids"})


@dataclass(frozen=True)
class Faults:
    """The state of every switch; the defaults are a healthy, strict Metrika.

    Attributes:
        quota_status: HTTP status of quota answers: 429, 420 or 403.
        quota_enforced: count requests and refuse those above the quotas.
        quota_share: share of requests refused at random with a quota answer.
        daily_used: requests already counted today for every login and counter.
        server_error_share: share of requests answered 503 or 504.
        server_error_status: which of the two; 0 takes them in turn.
        reset_share: share of requests whose connection is reset.
        bad_token_status: answer to a wrong token: 401 or 403.
        slow_share: share of requests that are answered slow_seconds late.
        slow_seconds: delay of a slow answer.
        queue_path: what a new log request becomes: processed, awaiting_retry (then processed),
            processing_failed, canceled, cleaned_automatically_as_too_old or unknown.
        queue_path_count: how many new log requests take that path; -1 is all.
        slow_queue_seconds: time added to the queue of each log request.
        truncated_part: none, once (first download of each part) or always.
        dropped_socket: the same for a connection reset in the middle of a part.
        gzip_broken: the same for damaged gzip bytes; identity stays sound.
        header_changed: the header line of parts names another field.
        missing_trailing_lf: the last row of a part has no line end.
        identity_encoding: downloads are never compressed.
        quotes_wrapped: text with double quotes comes CSV-style.
        extras: oddities of the dialect that are legal: see EXTRAS.
        garbage_share: share of rows that are spoiled.
        stored_bytes_preset: bytes other logins already keep in each counter's store.
        expected_size_factor: how many times too low the expected size is.
        evaluate_bare: the undocumented keys of the evaluation are missing.
        source_as_list: log_request.source is a list.
        empty_parts: parts of an empty day: one (of size 0), empty or absent.
        late_edits: visits that change between two exports of the same day.
        midnight_visits: visits may run into the next day.
        reused_visit_ids: the same visit ids come back on that date of another year.
        pv_visit_id: ym:pv:visitID is filled (from 10 Oct 2025), empty or refused.
        long_visits: some visits have more than 500 hits.
        linkage_failure_count: uploads that end as LINKAGE_FAILURE; -1 is all.
        newer_quantities: uploads carry goal_not_found, user_not_found and linked quantities.
        link_at_start: a conversion exactly at the visit's start links to that visit.
        refuse_bad_rows: one bad row refuses the whole file.
        no_goals: the counter has no goals at all.
        upload_status_word: status every unfinished and finished upload shows; empty is the true one.
        lost_upload_replies: uploads that are stored but whose answer is lost.
        lost_create_replies: log requests that are created but whose answer is lost.
    """

    quota_status: int = 429
    quota_enforced: bool = True
    quota_share: float = 0.0
    daily_used: int = 0
    server_error_share: float = 0.0
    server_error_status: int = 0
    reset_share: float = 0.0
    bad_token_status: int = 401
    slow_share: float = 0.0
    slow_seconds: float = 0.3
    queue_path: str = "processed"
    queue_path_count: int = ALWAYS
    slow_queue_seconds: float = 0.0
    truncated_part: str = "none"
    dropped_socket: str = "none"
    gzip_broken: str = "none"
    header_changed: bool = False
    missing_trailing_lf: bool = False
    identity_encoding: bool = False
    quotes_wrapped: bool = False
    extras: frozenset[str] = EXTRAS
    garbage_share: float = 0.0
    stored_bytes_preset: int = 0
    expected_size_factor: float = 4.1
    evaluate_bare: bool = False
    source_as_list: bool = False
    empty_parts: str = "one"
    late_edits: int = 0
    midnight_visits: bool = True
    reused_visit_ids: bool = False
    pv_visit_id: str = "filled"
    long_visits: bool = False
    linkage_failure_count: int = 0
    newer_quantities: bool = True
    link_at_start: bool = True
    refuse_bad_rows: bool = False
    no_goals: bool = False
    upload_status_word: str = ""
    lost_upload_replies: int = 0
    lost_create_replies: int = 0


@dataclass(frozen=True)
class FaultSwitch:
    """A named fault of the command line.

    Attributes:
        meaning: one sentence for the help text.
        changes: what it sets without a value.
        value_field: the field that ``name=value`` sets besides; empty when it takes no value.
        convert: turns the value's text into the field's type.
    """

    meaning: str
    changes: Mapping[str, Any]
    value_field: str = ""
    convert: Callable[[str], Any] = float


def _path(word: str) -> FaultSwitch:
    return FaultSwitch(
        f"log requests end as {word} (=N: only the next N)", {"queue_path": word}, "queue_path_count", int
    )


def _cut(field_name: str, meaning: str, how: str) -> FaultSwitch:
    when = "first download of each part" if how == "once" else "every download"
    return FaultSwitch(f"{meaning}, {when}", {field_name: how})


def _quota(status: int) -> FaultSwitch:
    return FaultSwitch(
        f"quota answers are {status} and a share of requests gets one",
        {"quota_status": status, "quota_share": 0.1},
        "quota_share",
    )


def _server_error(status: int, meaning: str) -> FaultSwitch:
    changes = {"server_error_share": 0.05, "server_error_status": status}
    return FaultSwitch(f"share of {meaning}", changes, "server_error_share")


FAULTS: dict[str, FaultSwitch] = {
    "quota_429": _quota(429),
    "quota_420": _quota(420),
    "quota_403": _quota(403),
    "quota_off": FaultSwitch("no quota is enforced", {"quota_enforced": False}),
    "daily_quota": FaultSwitch("requests already used today", {"daily_used": 5000}, "daily_used", int),
    "server_errors": _server_error(0, "503 and 504 answers, in turn"),
    "server_errors_503": _server_error(503, "503 answers"),
    "server_errors_504": _server_error(504, "504 answers"),
    "connection_resets": FaultSwitch("share of reset connections", {"reset_share": 0.05}, "reset_share"),
    "invalid_token_403": FaultSwitch("a wrong token gets 403 invalid_token", {"bad_token_status": 403}),
    "slow_answers": FaultSwitch("share of answers that come late", {"slow_share": 0.2}, "slow_share"),
    "slow_seconds": FaultSwitch("how late a slow answer is", {}, "slow_seconds"),
    "slow_queue": FaultSwitch("seconds added to the queue", {"slow_queue_seconds": 5.0}, "slow_queue_seconds"),
    "awaiting_retry": _path("awaiting_retry"),
    "processing_failed": _path("processing_failed"),
    "canceled": _path("canceled"),
    "cleaned_automatically": _path("cleaned_automatically_as_too_old"),
    "unknown_status": _path("unknown"),
    "truncated_part": _cut("truncated_part", "a part lacks its end", "once"),
    "truncated_part_always": _cut("truncated_part", "a part lacks its end", "always"),
    "dropped_socket": _cut("dropped_socket", "the connection is reset inside a part", "once"),
    "dropped_socket_always": _cut("dropped_socket", "the connection is reset inside a part", "always"),
    "gzip_broken": _cut("gzip_broken", "gzip bytes are damaged", "always"),
    "gzip_broken_once": _cut("gzip_broken", "gzip bytes are damaged", "once"),
    "identity_encoding": FaultSwitch("downloads are never compressed", {"identity_encoding": True}),
    "header_changed": FaultSwitch("a part's header names another field", {"header_changed": True}),
    "missing_trailing_lf": FaultSwitch("the last row lacks its line end", {"missing_trailing_lf": True}),
    "quotes_wrapped": FaultSwitch("text with double quotes comes CSV-style", {"quotes_wrapped": True}),
    "no_extras": FaultSwitch("none of the legal oddities of the dialect", {"extras": frozenset()}),
    "garbage_rows": FaultSwitch("share of spoiled rows", {"garbage_share": 0.01}, "garbage_share"),
    "full_storage": FaultSwitch(
        "bytes of other logins fill the store", {"stored_bytes_preset": STORE_BYTES}, "stored_bytes_preset", int
    ),
    "overdrawn": FaultSwitch(
        "the store holds more than its limit", {"stored_bytes_preset": STORE_BYTES + OVERDRAWN_BYTES}
    ),
    "expected_size": FaultSwitch("how many times too low the expected size is", {}, "expected_size_factor"),
    "evaluate_bare": FaultSwitch("undocumented evaluation keys are missing", {"evaluate_bare": True}),
    "source_as_list": FaultSwitch("log_request.source is a list", {"source_as_list": True}),
    "empty_parts": FaultSwitch(
        "parts of an empty day: one, empty or absent", {"empty_parts": "empty"}, "empty_parts", str
    ),
    "late_edits": FaultSwitch("visits changed between two exports of a day", {"late_edits": 10}, "late_edits", int),
    "no_midnight_visits": FaultSwitch("no visit runs into the next day", {"midnight_visits": False}),
    "reused_visit_ids": FaultSwitch("visit ids come back in another year", {"reused_visit_ids": True}),
    "no_pv_visit_id": FaultSwitch("ym:pv:visitID is 0", {"pv_visit_id": "empty"}),
    "no_watch_ids_visit_id": FaultSwitch("ym:pv:visitID is refused", {"pv_visit_id": "refused"}),
    "long_visits": FaultSwitch("some visits have more than 500 hits", {"long_visits": True}),
    "linkage_failure": FaultSwitch(
        "uploads end as LINKAGE_FAILURE (=N: only the next N)",
        {"linkage_failure_count": ALWAYS},
        "linkage_failure_count",
        int,
    ),
    "no_newer_quantities": FaultSwitch("uploads lack the three newer quantities", {"newer_quantities": False}),
    "no_link_at_start": FaultSwitch("a conversion at the visit's start links earlier", {"link_at_start": False}),
    "refuse_bad_rows": FaultSwitch("one bad row refuses the file", {"refuse_bad_rows": True}),
    "no_goals": FaultSwitch("the counter has no goals", {"no_goals": True}),
    "upload_status": FaultSwitch(
        "every upload shows this status", {"upload_status_word": "IN_QUEUE"}, "upload_status_word", str
    ),
    "lost_upload_reply": FaultSwitch(
        "the answer to an upload is lost (=N times)", {"lost_upload_replies": 1}, "lost_upload_replies", int
    ),
    "lost_create_reply": FaultSwitch(
        "the answer to a create is lost (=N times)", {"lost_create_replies": 1}, "lost_create_replies", int
    ),
} | {
    f"no_{extra}": FaultSwitch(f"without the dialect's {extra.replace('_', ' ')}", {"extras": extra})
    for extra in sorted(EXTRAS)
}


def _apply(faults: Faults, name: str, value: str) -> Faults:
    switch = FAULTS.get(name)
    if switch is None:
        raise ConfigError(f"--faults: {name!r} is not a fault; known: {', '.join(sorted(FAULTS))}.")
    changes = dict(switch.changes)
    if isinstance(changes.get("extras"), str):
        changes["extras"] = faults.extras - {changes["extras"]}
    if value:
        if not switch.value_field:
            raise ConfigError(f"--faults: {name} takes no value.")
        try:
            changes[switch.value_field] = switch.convert(value)
        except ValueError:
            raise ConfigError(f"--faults: {value!r} is not a value of {name}.") from None
    return replace(faults, **changes)


def parse_faults(text: str, base: Faults | None = None) -> Faults:
    """Read ``name,name=value`` into switches.

    Args:
        text: names of FAULTS, comma separated, some with a value; may be empty.
        base: switches to start from; None starts from a healthy server.

    Returns:
        The switches.

    Raises:
        ConfigError: a name is unknown or a value does not fit.

    >>> parse_faults("quota_420,server_errors=0.2").server_error_share
    0.2
    """
    faults = base or Faults()
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, value = item.partition("=")
        faults = _apply(faults, name.strip(), value.strip())
    return faults
