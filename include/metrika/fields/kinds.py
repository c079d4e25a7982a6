"""What one Metrika field is: its kind, its column, its zone and its meaning."""

from __future__ import annotations

import enum
from dataclasses import dataclass

NAMESPACES = {"visits": "ym:s:", "hits": "ym:pv:"}


class Kind(enum.Enum):
    """How the text of a field is read and stored; the value is the ClickHouse type.

    Documented 16-bit numbers are kept in 32 bits, and instants are kept in UTC.
    """

    UINT8 = "UInt8"
    UINT32 = "UInt32"
    UINT64 = "UInt64"
    INT32 = "Int32"
    INT64 = "Int64"
    FLOAT64 = "Float64"
    STRING = "String"
    DATE = "Date"
    DATETIME = "DateTime('UTC')"
    ARRAY_UINT32 = "Array(UInt32)"
    ARRAY_UINT64 = "Array(UInt64)"
    ARRAY_INT64 = "Array(Int64)"
    ARRAY_FLOAT64 = "Array(Float64)"
    ARRAY_DATETIME = "Array(DateTime('UTC'))"
    ARRAY_STRING = "Array(String)"

    @property
    def is_array(self) -> bool:
        """Whether one value is a list."""
        return self.name.startswith("ARRAY_")

    @property
    def is_time(self) -> bool:
        """Whether the value holds wall-clock times that need a zone."""
        return self in (Kind.DATETIME, Kind.ARRAY_DATETIME)


@dataclass(frozen=True)
class Field:
    """One field of the Logs API and the column it is stored in.

    Attributes:
        api_name: name in requests and in header lines, such as ``ym:s:visitID``.
        source: ``visits`` or ``hits``.
        kind: how the text is read and stored.
        column: column of the house.
        meaning: one sentence.
        zone: zone of wall-clock times: ``counter``, ``utc+3``, or empty when the value holds no
            time or Metrika does not say which zone it is; then the time is stored as delivered.
        unit: unit of the stored number, empty when it has none.
        scale: the stored number is the true one times this.
        aliases: other names under which Metrika knows the field.
        is_required: part of every request.
        is_key: carried by every half of a split field list, so that the halves can be joined.
    """

    api_name: str
    source: str
    kind: Kind
    column: str
    meaning: str
    zone: str = ""
    unit: str = ""
    scale: int = 1
    aliases: tuple[str, ...] = ()
    is_required: bool = False
    is_key: bool = False

    @property
    def clickhouse_type(self) -> str:
        """Type of the column."""
        return self.kind.value

    @property
    def names(self) -> tuple[str, ...]:
        """Every name the field may have in a header line, the current one first."""
        return (self.api_name, *self.aliases)
