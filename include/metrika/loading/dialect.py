r"""The TSV dialect of the Logs API as SQL expressions, so that ClickHouse reads the rows itself.

Python only cuts the byte stream; every rule about a row lives here. Lines without ``\``, ``"`` and
bad bytes are *plain* and skip all text work. The rules P1-P9 are numbered as in
``docs/metrika_dialect.md``. Values reach the statement as server-side parameters only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from include.metrika.fields.kinds import Field, Kind

NULL_MARK = r"\N"
FIXED_ZONES = {"utc+3": "Etc/GMT-3", "": "UTC"}  # zone tags whose zone does not depend on the counter
ESCAPES = {r"\t": "\t", r"\n": "\n", r"\r": "\r", r"\b": "\b", r"\f": "\f", r"\0": "\0", r"\'": "'"}
NULLS_FLAG, EMPTY_NUMBERS_FLAG, BAD_UTF8_FLAG = 1, 2, 4
ZERO_FLOAT = r"^[+-]?(0+\.?0*|\.0+)$"
MAX_WATCH_IDS = 500  # documented cap of ym:s:watchIDs
# One element of a string array: quoted with \' and \\ inside, or bare without commas, then its comma.
ARRAY_ELEMENT = r"((?:'(?:[^'\\]|\\.)*'|[^,'])*),"


@dataclass(frozen=True)
class FieldSql:
    """How one field is read.

    Attributes:
        field: the field.
        text: alias of the cleaned text and its expression.
        value: expression of the typed value.
        is_valid: expression, 1 when the text is a value of the kind.
        reason: expression of the quarantine reason when it is not.
    """

    field: Field
    text: str
    value: str
    is_valid: str
    reason: str


def literal(text: str) -> str:
    r"""Write a ClickHouse string literal.

    Args:
        text: any text.

    Returns:
        The literal with quotes.

    >>> literal("a'b")
    "'a\\'b'"
    """
    table = str.maketrans({"\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": "\\0"})
    return f"'{text.translate(table)}'"


def lines_sql(quotes: str) -> str:
    """Read lines, cut them into fields, tell plain lines from others (P1, P2).

    Args:
        quotes: auto, raw or wrapped; raw switches P4 off.

    Returns:
        A subquery over ``input()`` with columns ``line``, ``f``, ``plain``, ``is_utf8``, ``number`` and ``g``, the
        fields of ``f`` cleaned; cleaning is one step over all fields, so that plain lines pay for one look only.
    """
    plain = f"position(line, {literal(chr(92))}) = 0 AND is_utf8"
    if quotes != "raw":
        plain += " AND position(line, '\"') = 0"
    return (
        f"SELECT *, if(plain, f, arrayMap(e -> {clean('e', quotes)}, f)) AS g FROM ("
        "SELECT line, splitByChar('\\t', line) AS f, isValidUTF8(line) AS is_utf8, "
        f"{plain} AS plain, rowNumberInAllBlocks() + 1 AS number FROM input('line String'))"
    )


def clean(text: str, quotes: str) -> str:
    """Clean the text of a field that is not plain: P3 null, P4 unwrap, P5 unescape, P9 bytes.

    Args:
        text: expression of the raw field.
        quotes: auto, raw or wrapped.

    Returns:
        The expression; null becomes the empty text.
    """
    unwrapped = text if quotes == "raw" else f"if({is_wrapped(text)}, {_inner(text, quotes=True)}, {text})"
    return f"if({text} = {literal(NULL_MARK)}, '', toValidUTF8({unescape(unwrapped)}))"


def is_wrapped(text: str) -> str:
    """Whether a field is wrapped in double quotes the CSV way (P4).

    Args:
        text: expression of the raw field.

    Returns:
        An expression: two or more characters, quotes at both ends, every inner quote doubled.
    """
    inner = f"substring({text}, 2, length({text}) - 2)"
    return (
        f"(length({text}) >= 2 AND startsWith({text}, '\"') AND endsWith({text}, '\"') "
        f"AND position(replaceAll({inner}, '\"\"', ''), '\"') = 0)"
    )


def _inner(text: str, *, quotes: bool = False) -> str:
    inner = f"substring({text}, 2, length({text}) - 2)"
    return f"replaceAll({inner}, '\"\"', '\"')" if quotes else inner


def unescape(text: str) -> str:
    r"""Undo backslash escapes in one pass (P5); unknown escapes keep both characters.

    Splitting at ``\\`` first pairs the backslashes from the left, so what is left in a piece starts a
    real escape.

    Args:
        text: expression.

    Returns:
        The expression without escapes.
    """
    piece = "p"
    for escape, character in ESCAPES.items():
        piece = f"replaceAll({piece}, {literal(escape)}, {literal(character)})"
    backslash = literal("\\")
    return f"arrayStringConcat(arrayMap(p -> {piece}, splitByString({literal(chr(92) * 2)}, {text})), {backslash})"


def field_sql(field: Field, position: int) -> FieldSql:
    """Write the expressions of one field.

    Args:
        field: the field.
        position: its column in the header, from 1.

    Returns:
        Its expressions; ``value`` and the rest refer to the text by its alias.
    """
    alias = f"x{position}"
    text = f"g[{position}] AS {alias}"
    value, is_valid, reason = _READERS[field.kind](alias, field)
    return FieldSql(field, text, value, is_valid, reason)


def _integer(x: str, field: Field) -> tuple[str, str, str]:
    value = f"to{field.kind.value}OrZero({x})"
    return value, f"({value} != 0 OR {x} IN ('0', ''))", f"if(match({x}, '^[+-]?[0-9]+$'), 'range', 'number')"


def _float(x: str, field: Field) -> tuple[str, str, str]:
    value = f"toFloat64OrZero({x})"
    zero = literal(r"^[+-]?0*\.?0*$")
    return value, f"(isFinite({value}) AND ({value} != 0 OR match({x}, {zero})))", "'number'"


def _string(x: str, field: Field) -> tuple[str, str, str]:
    return x, "1", "''"


def _date(x: str, field: Field) -> tuple[str, str, str]:
    if field.column == "date":  # the partition: only days that were asked for
        position = f"indexOf({{days:Array(String)}}, {x})"
        return f"toDate({{days:Array(String)}}[{position}])", f"{position} > 0", "'date'"
    value = f"toDateOrZero({x})"
    return value, f"({x} = '' OR toString({value}) = {x})", "'date'"


def _time_text(x: str) -> str:
    seconds = f"if(length({x}) = 16, ':00', substring({x}, 17))"
    spaced = f"concat(substring({x}, 1, 10), ' ', substring({x}, 12, 5), {seconds})"
    return f"if(length({x}) = 19 AND substring({x}, 11, 1) = ' ', {x}, {spaced})"


def _zone(field: Field) -> str:
    return "{zone:String}" if field.zone == "counter" else literal(FIXED_ZONES[field.zone])


def _datetime(x: str, field: Field) -> tuple[str, str, str]:
    value = f"toDateTimeOrZero({_time_text(x)}, {_zone(field)})"
    real = f"toString({value}) = {_time_text(x)}"
    return value, real if field.is_required else f"({x} = '' OR {real})", "'time'"


def _elements(x: str) -> str:
    """Texts of a bracketed list without quoted commas; an empty text counts as an empty list."""
    return f"if({x} IN ('[]', ''), [], splitByChar(',', {_inner(x)}))"


def _bracketed(x: str) -> str:
    return f"({x} = '' OR (startsWith({x}, '[') AND endsWith({x}, ']')))"


def _number_array(x: str, field: Field) -> tuple[str, str, str]:
    element = field.kind.value.removeprefix("Array(").removesuffix(")")
    value = f"arrayMap(e -> to{element}OrZero(e), {_elements(x)})"
    is_zero, is_number = "e = '0'", "1"
    if element == "Float64":
        is_zero, is_number = f"match(e, {literal(ZERO_FLOAT)})", f"arrayAll(v -> isFinite(v), {value})"
    zeros = f"(NOT has({value}, 0) OR arrayAll((v, e) -> v != 0 OR {is_zero}, {value}, {_elements(x)}))"
    return value, f"({_bracketed(x)} AND {is_number} AND {zeros})", "'array'"


def _datetime_array(x: str, field: Field) -> tuple[str, str, str]:
    bare = f"arrayMap(e -> trim(BOTH '\\'' FROM e), {_elements(x)})"
    value = f"arrayMap(e -> toDateTimeOrZero({_time_text('e')}, {_zone(field)}), {bare})"
    same = f"arrayAll((v, e) -> toString(v) = {_time_text('e')}, {value}, {bare})"
    return value, f"({_bracketed(x)} AND {same})", "'array'"


def _string_array(x: str, field: Field) -> tuple[str, str, str]:
    found = f"extractAll(concat({_inner(x)}, ','), {literal(ARRAY_ELEMENT)})"
    unquoted = (
        "if(length(e) >= 2 AND startsWith(e, '\\'') AND endsWith(e, '\\''), "
        f"replaceAll(replaceAll({_inner('e')}, {literal(chr(92) + chr(39))}, '\\''), "
        f"{literal(chr(92) * 2)}, {literal(chr(92))}), e)"
    )
    value = f"if({x} IN ('[]', ''), [], arrayMap(e -> {unquoted}, {found}))"
    whole = f"arraySum(e -> length(e) + 1, {found}) = length({x}) - 1"
    return value, f"({_bracketed(x)} AND ({x} IN ('[]', '') OR {whole}))", "'array'"


_READERS = {
    Kind.UINT8: _integer,
    Kind.UINT32: _integer,
    Kind.UINT64: _integer,
    Kind.INT32: _integer,
    Kind.INT64: _integer,
    Kind.FLOAT64: _float,
    Kind.STRING: _string,
    Kind.DATE: _date,
    Kind.DATETIME: _datetime,
    Kind.ARRAY_UINT32: _number_array,
    Kind.ARRAY_UINT64: _number_array,
    Kind.ARRAY_INT64: _number_array,
    Kind.ARRAY_FLOAT64: _number_array,
    Kind.ARRAY_DATETIME: _datetime_array,
    Kind.ARRAY_STRING: _string_array,
}
NUMBER_KINDS = (Kind.UINT8, Kind.UINT32, Kind.UINT64, Kind.INT32, Kind.INT64, Kind.FLOAT64)


def flags_sql(parts: Sequence[FieldSql], quotes: str) -> tuple[str, str]:
    """Write how a row had to be read: nulls, empty numbers, bad bytes, unwrapped fields.

    Args:
        parts: expressions of the fields.
        quotes: auto, raw or wrapped.

    Returns:
        Expressions of ``dialect_flags`` and of ``unwrapped_count``.
    """
    empties = [f"x{_position(part)} = ''" for part in parts if part.field.kind in NUMBER_KINDS]
    flags = (
        f"if(plain, 0, {NULLS_FLAG} * has(f, {literal(NULL_MARK)})) + {EMPTY_NUMBERS_FLAG} * ({' OR '.join(empties)}) "
        f"+ if(is_utf8, 0, {BAD_UTF8_FLAG})"
    )
    wrapped = "0" if quotes == "raw" else f"if(plain, 0, arrayCount(e -> {is_wrapped('e')}, f))"
    return f"toUInt8({flags})", f"toUInt8(least(255, {wrapped}))"


def _position(part: FieldSql) -> str:
    return part.text.rsplit(" AS x", 1)[1]
