"""The Logs API calls: parameters checked, answers shaped as the service shapes them."""

from __future__ import annotations

import datetime as dt

from include.days import today_in
from include.metrika_sandbox.behaviour.answers import Answer, ApiRequest, Json, PartDownload, refusal
from include.metrika_sandbox.behaviour.config import MAX_FIELDS_CHARACTERS, MAX_PERIOD_DAYS, STORE_BYTES, SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import FaultBoard
from include.metrika_sandbox.columns.fields import HITS, PREFIXES, VISITS, unknown_fields
from include.metrika_sandbox.logs.log_requests import (
    AWAITING_RETRY,
    CANCELED,
    CLEANED_BY_USER,
    CREATED,
    PROCESSED,
    LogRequest,
)
from include.metrika_sandbox.logs.log_store import LogOrder, LogStore

NOT_PROCESSED = "Only log of requests in status 'processed' can be downloaded"
WRONG_PART = "Incorrect part number"
ATTRIBUTIONS = frozenset(
    {
        "FIRST", "LAST", "LASTSIGN", "LAST_YANDEX_DIRECT_CLICK", "CROSS_DEVICE_FIRST", "CROSS_DEVICE_LAST",
        "CROSS_DEVICE_LAST_SIGNIFICANT", "CROSS_DEVICE_LAST_YANDEX_DIRECT_CLICK", "AUTOMATIC",
    }
)  # fmt: skip
DATE_CHARACTERS = 10  # newest pages show ISO time stamps; the date is their beginning


class LogsApi:
    """Handlers of the Logs API paths.

    Args:
        config: clock.
        board: switches.
        store: the log requests.
    """

    def __init__(self, config: SandboxConfig, board: FaultBoard, store: LogStore) -> None:
        self._config, self._board, self._store = config, board, store

    def evaluate(self, request: ApiRequest) -> Answer:
        """GET logrequests/evaluate."""
        found = self._store.evaluate(self._order(request))
        body: Json = {"possible": found.is_possible, "max_possible_day_quantity": found.day_quantity}
        if not self._board.now().evaluate_bare:
            body |= {
                "expected_size": found.expected_bytes,
                "log_request_sum_max_size": STORE_BYTES,
                "log_request_sum_size": found.stored_bytes,
            }
        return Answer({"log_request_evaluation": body})

    def create(self, request: ApiRequest) -> Answer:
        """POST logrequests."""
        order = self._order(request)
        if self._store.stored_bytes(order.counter_id) >= STORE_BYTES:
            raise refusal(
                400, "limit_exceeded", "The size of prepared logs exceeds the limit; clean the logs you have read."
            )
        created = self._store.create(order, request.login)
        return Answer({"log_request": created.as_json()}, is_lost=self._board.take("lost_create_replies"))

    def list_all(self, request: ApiRequest) -> Answer:
        """GET logrequests: requests of every login."""
        found = self._store.all(request.counter.counter_id)
        return Answer({"requests": [one.as_json() for one in reversed(found)]})

    def one(self, request: ApiRequest) -> Answer:
        """GET logrequest/{id}."""
        return Answer({"log_request": self._find(request).as_json()})

    def clean(self, request: ApiRequest) -> Answer:
        """POST logrequest/{id}/clean."""
        found = self._find(request)
        if not self._store.change(found, lambda status: status == PROCESSED, CLEANED_BY_USER):
            raise refusal(400, "invalid_parameter", "Only log of requests in status 'processed' can be cleaned")
        return Answer({"log_request": found.as_json()})

    def cancel(self, request: ApiRequest) -> Answer:
        """POST logrequest/{id}/cancel."""
        found = self._find(request)
        if not self._store.change(found, lambda status: status in (CREATED, AWAITING_RETRY), CANCELED):
            raise refusal(400, "invalid_parameter", "Only log of requests in status 'created' can be canceled")
        return Answer({"log_request": found.as_json()})

    def download(self, request: ApiRequest) -> PartDownload:
        """GET logrequest/{id}/part/{n}/download."""
        found, number = self._find(request), request.path_values[1]
        if found.status != PROCESSED or found.parts is None:
            raise refusal(400, "invalid_parameter", NOT_PROCESSED)
        if number >= len(found.parts):
            raise refusal(400, "invalid_parameter", WRONG_PART)
        with found.lock:
            is_first = found.downloads[number] == 0
            found.downloads[number] += 1
        faults = self._board.now()
        part = found.parts[number]
        header = "\t".join(_renamed(found.fields)) if faults.header_changed else ""
        return PartDownload(
            path=part.path,
            request_id=found.request_id,
            part_number=number,
            tsv_bytes=part.tsv_bytes,
            renamed_header=header,
            cuts_rows=_strikes(faults.truncated_part, is_first),
            drops_socket=_strikes(faults.dropped_socket, is_first),
            breaks_gzip=_strikes(faults.gzip_broken, is_first),
            is_identity=faults.identity_encoding,
        )

    def _find(self, request: ApiRequest) -> LogRequest:
        found = self._store.find(request.counter.counter_id, request.path_values[0])
        if found is None:
            raise refusal(404, "not_found", f"Entity not found: log request {request.path_values[0]}")
        return found

    def _order(self, request: ApiRequest) -> LogOrder:
        missing = [name for name in ("date1", "date2", "fields", "source") if not request.query.get(name)]
        if missing:
            raise refusal(400, "missing_parameter", f"Parameter {missing[0]} is required", missing[0])
        source = request.query["source"].lower()
        if source not in (VISITS, HITS):
            raise refusal(400, "invalid_parameter", f"Unknown source {source}", "source")
        date1, date2 = (_read_date(request, name) for name in ("date1", "date2"))
        self._check_period(request, date1, date2)
        attribution = request.query.get("attribution", "LASTSIGN").upper()
        if attribution not in ATTRIBUTIONS:
            raise refusal(400, "invalid_parameter", f"Unknown attribution {attribution}", "attribution")
        fields = self._read_fields(request.query["fields"], source)
        return LogOrder(request.counter.counter_id, source, date1, date2, fields, attribution)

    def _check_period(self, request: ApiRequest, date1: dt.date, date2: dt.date) -> None:
        today = today_in(request.counter.zone, self._config.clock())
        if date2 < date1:
            raise refusal(400, "invalid_parameter", "date1 must not be later than date2", "date1")
        if date2 >= today:
            raise refusal(400, "invalid_parameter", "date2 must be earlier than today", "date2")
        if (date2 - date1).days >= MAX_PERIOD_DAYS:
            raise refusal(400, "invalid_parameter", "The period must not be longer than one year", "date1")

    def _read_fields(self, text: str, source: str) -> tuple[str, ...]:
        if len(text) > MAX_FIELDS_CHARACTERS:
            raise refusal(
                400, "invalid_parameter", f"fields is longer than {MAX_FIELDS_CHARACTERS} characters", "fields"
            )
        fields = tuple(text.split(","))
        unknown = unknown_fields(source, fields)
        if self._board.now().pv_visit_id == "refused" and PREFIXES[HITS] + "visitID" in fields:
            unknown.append(PREFIXES[HITS] + "visitID")
        if unknown:
            raise refusal(400, "invalid_parameter", f"Unknown field {unknown[0]} for source {source}", "fields")
        return fields


def _read_date(request: ApiRequest, name: str) -> dt.date:
    text = request.query[name]
    try:
        return dt.date.fromisoformat(text[:DATE_CHARACTERS])
    except ValueError:
        raise refusal(400, "invalid_parameter", f"{name} is not a date: {text}", name) from None


def _strikes(switch: str, is_first: bool) -> bool:
    return switch == "always" or (switch == "once" and is_first)


def _renamed(fields: tuple[str, ...]) -> list[str]:
    """The header with its last field under another name."""
    return [*fields[:-1], fields[-1] + "New"]
