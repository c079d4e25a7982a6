"""Raw bytes into and out of ClickHouse over HTTP, never as Python rows."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from typing import Any, Protocol

import requests
import urllib3

from include.settings import ClickHouseSettings
from include.warehouse.refusals import refused, rows_refused
from include.warehouse.session import CLUSTER_SETTINGS, CONNECT_SECONDS, QUERY_SECONDS, SESSION_SETTINGS, unavailable

USUAL_SQL_BYTES = 262_144  # ClickHouse's own max_query_size
SQL_MARGIN_BYTES = 64


class ByteReader(Protocol):
    """What COPY and the like read from."""

    def read(self, amt: int | None = None, /) -> bytes:
        """Give the next bytes.

        Args:
            amt: most of them; None for all that are left.

        Returns:
            Bytes; none at the end.
        """
        ...


def insert_stream(
    settings: ClickHouseSettings,
    sql: str,
    chunks: Iterable[bytes],
    params: Mapping[str, Any] | None = None,
    *,
    is_gzip: bool = False,
) -> None:
    """Stream raw bytes into an ``INSERT ... FORMAT ...``.

    Args:
        settings: where ClickHouse is and how to log in.
        sql: the INSERT; server-side parameters as ``{name:Type}``.
        chunks: the body, in any cut; its errors pass through unchanged.
        params: values of the server-side parameters.
        is_gzip: whether the body is gzip: one member, or several one after another.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached or went away.
        RowsRefused: ClickHouse cannot read the rows.
        StoreError: ClickHouse refused the statement.
    """
    # In the body, since reading all documented fields takes more SQL than a URL may hold.
    statement = sql.encode() + b"\n"
    query = {
        **_query(settings, params),
        "max_query_size": _most_bytes(statement),
        **(CLUSTER_SETTINGS if settings.cluster else {}),
    }
    head, encoding = (gzip.compress(statement), {"Content-Encoding": "gzip"}) if is_gzip else (statement, {})
    try:
        answer = requests.post(
            _url(settings),
            params=query,
            data=chain([head], chunks),
            headers={**_login(settings), **encoding},
            timeout=(CONNECT_SECONDS, QUERY_SECONDS),
        )
    except (requests.ConnectionError, requests.Timeout):
        raise unavailable(settings) from None
    if not answer.ok:
        raise rows_refused(_code(answer), answer.text)


@contextmanager
def read_stream(
    settings: ClickHouseSettings, sql: str, params: Mapping[str, Any] | None = None
) -> Iterator[ByteReader]:
    """Read the result of a ``SELECT ... FORMAT ...`` as raw bytes.

    Args:
        settings: where ClickHouse is and how to log in.
        sql: the query; server-side parameters as ``{name:Type}``.
        params: values of the server-side parameters.

    Yields:
        The body, to be read in pieces; it is whole, for ClickHouse answers only once it has all rows.

    Raises:
        StoreUnavailable: ClickHouse cannot be reached or went away.
        StoreError: ClickHouse refused the query.
    """
    statement = sql.encode()
    try:
        with requests.post(
            _url(settings),
            params={**_query(settings, params), "wait_end_of_query": 1, "max_query_size": _most_bytes(statement)},
            data=statement,
            headers={**_login(settings), "Accept-Encoding": "identity"},
            timeout=(CONNECT_SECONDS, QUERY_SECONDS),
            stream=True,
        ) as answer:
            if not answer.ok:
                raise refused(_code(answer), answer.text)
            yield answer.raw
    except (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError):
        raise unavailable(settings) from None


def _most_bytes(statement: bytes) -> int:
    return max(USUAL_SQL_BYTES, len(statement) + SQL_MARGIN_BYTES)


def _code(answer: requests.Response) -> int:
    code = answer.headers.get("X-ClickHouse-Exception-Code", "")
    return int(code) if code.isdigit() else 0


def _url(settings: ClickHouseSettings) -> str:
    return f"http://{settings.host}:{settings.http_port}/"


def _login(settings: ClickHouseSettings) -> dict[str, str]:
    return {"X-ClickHouse-User": settings.user, "X-ClickHouse-Key": settings.password.value}


def _query(settings: ClickHouseSettings, params: Mapping[str, Any] | None) -> dict[str, Any]:
    values = {f"param_{name}": value for name, value in (params or {}).items()}
    return {"database": settings.database, **SESSION_SETTINGS, **values}
