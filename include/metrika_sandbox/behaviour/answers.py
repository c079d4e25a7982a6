"""What goes back to the client: JSON answers, part downloads, the error envelope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from include.errors import SourceRejected
from include.metrika_sandbox.behaviour.bodies import RequestBody
from include.metrika_sandbox.behaviour.config import CounterConfig

Json = dict[str, Any]


@dataclass(frozen=True)
class ApiRequest:
    """One request after authentication.

    Attributes:
        counter: the counter of the path.
        login: who asks.
        query: query parameters, the last one of a name wins.
        headers: request headers, names in lower case.
        body: the request's body, not yet read.
        path_values: numbers of the path after the counter.
    """

    counter: CounterConfig
    login: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: RequestBody
    path_values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A JSON answer.

    Attributes:
        body: what to send.
        status: HTTP status.
        is_lost: the work is done but the connection dies before the answer.
    """

    body: Json
    status: int = 200
    is_lost: bool = False


@dataclass(frozen=True)
class PartDownload:
    """One part of a prepared log.

    Attributes:
        path: gzip file with header line and rows.
        request_id: the log request.
        part_number: the part, from 0.
        tsv_bytes: bytes of the rows without the header.
        renamed_header: header line to send instead of the true one, without line end; empty keeps it.
        cuts_rows: leave the end of the rows out.
        drops_socket: reset the connection in the middle.
        breaks_gzip: damage the compressed bytes.
        is_identity: never compress.
    """

    path: Path
    request_id: int
    part_number: int
    tsv_bytes: int
    renamed_header: str = ""
    cuts_rows: bool = False
    drops_socket: bool = False
    breaks_gzip: bool = False
    is_identity: bool = False


def refusal(status: int, error_type: str, message: str, location: str = "") -> SourceRejected:
    """Make the error that the server turns into an error envelope.

    Args:
        status: HTTP status.
        error_type: word of the API's list.
        message: the API's sentence.
        location: the parameter at fault, when there is one.

    Returns:
        The error to raise.
    """
    error = SourceRejected(message, status=status, error_type=error_type)
    error.__dict__["location"] = location
    return error


def envelope(error: SourceRejected) -> Json:
    """The documented error body."""
    entry = {"error_type": error.error_type, "message": error.message}
    location = error.__dict__.get("location")
    if location:
        entry["location"] = location
    return {"errors": [entry], "code": error.status, "message": error.message}
