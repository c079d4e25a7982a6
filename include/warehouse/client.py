"""A thin ClickHouse client: native protocol for queries and columns, HTTP for raw byte streams."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from clickhouse_driver import Client
from clickhouse_driver import errors as driver_errors
from clickhouse_driver.util.escape import escape_params

from include.errors import ConfigError
from include.settings import ClickHouseSettings
from include.warehouse.http_streams import ByteReader, insert_stream, read_stream
from include.warehouse.refusals import refused
from include.warehouse.session import CLUSTER_SETTINGS, CONNECT_SECONDS, QUERY_SECONDS, SESSION_SETTINGS, unavailable

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Params = Mapping[str, Any]

AUTHENTICATION_CODES = (192, 193, 194, 516)  # unknown user, wrong password, required password, failed


class Warehouse:
    """All access to ClickHouse; safe to share between threads and to carry over a fork.

    Args:
        settings: where ClickHouse is and how to log in.
    """

    def __init__(self, settings: ClickHouseSettings) -> None:
        self._settings = settings
        self._local = threading.local()

    def __repr__(self) -> str:
        s = self._settings
        return f"Warehouse({s.user}@{s.host}:{s.native_port}/{s.database})"

    @property
    def database(self) -> str:
        """Name of the product's database."""
        return self._settings.database

    @property
    def cluster(self) -> str:
        """Cluster name, empty on one server."""
        return self._settings.cluster

    @property
    def read_seconds(self) -> float:
        """How long a question somebody waits for may take, seconds."""
        return self._settings.read_seconds

    def at(self, host: str, native_port: int) -> Warehouse:
        """The same login on another node of the cluster.

        Args:
            host: node name or address.
            native_port: its native port.

        Returns:
            A client of that node.
        """
        return Warehouse(replace(self._settings, host=host, native_port=native_port))

    def create_database(self) -> None:
        """Create the product's database when it is missing.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached.
        """
        on_cluster = f" ON CLUSTER {quoted(self.cluster)}" if self.cluster else ""
        outside = Warehouse(replace(self._settings, database="system"))
        outside.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(self.database)}{on_cluster}")

    def execute(self, sql: str, params: Params | None = None, settings: Params | None = None) -> list[tuple[Any, ...]]:
        """Run one statement.

        Args:
            sql: statement; values only as ``%(name)s``.
            params: values to bind.
            settings: query settings.

        Returns:
            The rows, empty for statements without a result.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached.
            StoreError: ClickHouse refused the statement.
        """
        result = self._run(lambda: self._client("plain").execute(sql, params, settings=settings))
        return result if isinstance(result, list) else []

    def scalar(self, sql: str, params: Params | None = None) -> Any:
        """Run a query of one row and one column.

        Args:
            sql: query.
            params: values to bind.

        Returns:
            The value.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached.
            StoreError: ClickHouse refused the query.
        """
        return self.execute(sql, params)[0][0]

    def iter_frames(
        self, sql: str, params: Params | None = None, *, block_rows: int = 65_536
    ) -> Iterator[pd.DataFrame]:
        """Run a query and read its result block by block.

        Args:
            sql: query.
            params: values to bind.
            block_rows: most rows of one frame.

        Yields:
            Frames with the query's columns; numbers as numpy dtypes, text as object.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached.
            StoreError: ClickHouse refused the query.
        """
        import pandas as pd

        client = Client(
            **self._arguments(),
            settings={**SESSION_SETTINGS, "use_numpy": True, "max_block_size": block_rows},
        )
        try:
            blocks = _iter_blocks(client, sql, params)
            while (block := self._run(lambda: next(blocks, None))) is not None:
                names = [name for name, _ in block.columns_with_types]
                if block.num_rows:
                    yield pd.DataFrame(dict(zip(names, block.get_columns(), strict=True)))
        finally:
            client.disconnect()

    def frame(self, sql: str, params: Params | None = None) -> pd.DataFrame:
        """Run a query and read its whole result.

        Args:
            sql: query.
            params: values to bind.

        Returns:
            One frame with the query's columns.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached.
            StoreError: ClickHouse refused the query.
        """
        frame: pd.DataFrame = self._run(lambda: self._client("numpy").query_dataframe(sql, params))
        return frame

    def insert_columns(self, table: str, names: Sequence[str], columns: Sequence[Sequence[Any]]) -> None:
        """Insert rows given as columns (lists or numpy arrays).

        Args:
            table: table name in the product's database.
            names: column names.
            columns: one sequence per name, equal lengths.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached.
            StoreError: ClickHouse refused the rows.
        """
        kind = "numpy" if all(hasattr(column, "dtype") for column in columns) else "plain"
        listed = ", ".join(quoted(name) for name in names)
        sql = f"INSERT INTO {quoted(table)} ({listed}) VALUES"
        self._run(lambda: self._client(kind).execute(sql, list(columns), columnar=True))

    def insert_stream(
        self, sql: str, chunks: Iterable[bytes], params: Params | None = None, *, is_gzip: bool = False
    ) -> None:
        """Stream raw bytes into an ``INSERT ... FORMAT ...`` over HTTP.

        Args:
            sql: the INSERT; server-side parameters as ``{name:Type}``.
            chunks: the body, in any cut; its errors pass through unchanged.
            params: values of the server-side parameters.
            is_gzip: whether the body is gzip: one member or several, one after another.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached or went away.
            StoreError: ClickHouse refused the rows.
        """
        insert_stream(self._settings, sql, chunks, params, is_gzip=is_gzip)

    @contextmanager
    def read_stream(self, sql: str, params: Params | None = None) -> Iterator[ByteReader]:
        """Read the result of a ``SELECT ... FORMAT ...`` as raw bytes over HTTP.

        Args:
            sql: the query; server-side parameters as ``{name:Type}``.
            params: values of the server-side parameters.

        Yields:
            The body, to be read in pieces.

        Raises:
            StoreUnavailable: ClickHouse cannot be reached or went away.
            StoreError: ClickHouse refused the query.
        """
        with read_stream(self._settings, sql, params) as body:
            yield body

    def _run(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except driver_errors.ServerException as error:
            self._forget()
            if error.code in AUTHENTICATION_CODES:
                raise ConfigError(
                    f"ClickHouse at {self._settings.host} refused the login of {self._settings.user!r}; "
                    "check CLICKHOUSE_USER and CLICKHOUSE_PASSWORD."
                ) from None
            raise refused(error.code, error.message) from None
        except (driver_errors.Error, OSError, EOFError):
            self._forget()
            raise unavailable(self._settings) from None

    def _arguments(self) -> dict[str, Any]:
        s = self._settings
        return {
            "host": s.host,
            "port": s.native_port,
            "user": s.user,
            "password": s.password.value,
            "database": s.database,
            "connect_timeout": CONNECT_SECONDS,
            "send_receive_timeout": QUERY_SECONDS,
            "client_name": "counterflow",
        }

    def _client(self, kind: str) -> Client:
        """One driver client per thread and process: sharing one breaks its socket."""
        if getattr(self._local, "pid", None) != os.getpid():
            self._local.pid, self._local.clients = os.getpid(), {}
        clients: dict[str, Client] = self._local.clients
        if kind not in clients:
            settings = {**SESSION_SETTINGS, **(CLUSTER_SETTINGS if self.cluster else {})}
            clients[kind] = Client(**self._arguments(), settings={**settings, "use_numpy": kind == "numpy"})
        return clients[kind]

    def _forget(self) -> None:
        for client in getattr(self._local, "clients", {}).values():
            client.disconnect()
        self._local.clients = {}


def quoted(identifier: str) -> str:
    """Quote a table, column, database or cluster name.

    Args:
        identifier: the bare name.

    Returns:
        The name in backticks, with backticks inside escaped.

    >>> quoted("visits")
    '`visits`'
    """
    escaped = identifier.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def bound(sql: str, params: Params) -> str:
    r"""Write values into a statement that is sent as text, as the driver writes them.

    Args:
        sql: statement with ``%(name)s``.
        params: numbers, texts, and lists and tuples of them.

    Returns:
        The statement, every text quoted and escaped.

    >>> bound("SELECT %(word)s, %(days)s", {"word": "it's", "days": [1, 2]})
    "SELECT 'it\\'s', [1, 2]"
    """
    text: str = sql % escape_params(params, None)
    return text


def _iter_blocks(client: Client, sql: str, params: Params | None) -> Iterator[Any]:
    with client.disconnect_on_error(sql, None):
        written = client.substitute_params(sql, params, client.connection.context) if params else sql
        client.connection.send_query(written)
        client.connection.send_external_tables(None)
        for packet in client.packet_generator():
            if getattr(packet, "block", None) is not None:
                yield packet.block
