"""How Metrika writes values into its TSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from include.metrika_sandbox.behaviour.faults import EXTRAS

ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\0": "\\0"}
ESCAPE_TABLE = str.maketrans(ESCAPES)
NULL_MARK = "\\N"
ENCODING_ERRORS = "surrogateescape"  # lone surrogates stand for bytes that are not UTF-8


@dataclass(frozen=True)
class Dialect:
    """Which of the possible spellings is in force.

    Attributes:
        quotes_wrapped: text with a double quote is wrapped CSV-style.
        extras: legal oddities that occur; see ``faults.EXTRAS``.
        pv_visit_id: how ``ym:pv:visitID`` is delivered.
    """

    quotes_wrapped: bool = False
    extras: frozenset[str] = field(default=EXTRAS)
    pv_visit_id: str = "filled"

    def text(self, value: str | None) -> str:
        r"""Write one text field.

        Args:
            value: the text itself; None is null.

        Returns:
            The field, escaped, wrapped when this dialect wraps.

        >>> Dialect().text("a" + chr(9) + "b")
        'a\\tb'
        """
        if value is None:
            return NULL_MARK
        return self._wrap(value.translate(ESCAPE_TABLE))

    def text_array(self, values: Sequence[str], *, may_be_bare: bool = False) -> str:
        """Write an array of texts in single quotes, which the field escapes once more.

        Args:
            values: the elements.
            may_be_bare: a field seen without quotes; it is bare while that extra is on.

        Returns:
            The field.

        >>> Dialect().text_array(["", "telegram"], may_be_bare=True)
        '[,telegram]'
        """
        if not values:
            return "[]"
        bare_is_safe = not any(set(value) & set(",'[]\\\t\n") for value in values)
        if may_be_bare and "bare_arrays" in self.extras and bare_is_safe and (len(values) > 1 or values[0]):
            return self._wrap("[" + ",".join(values) + "]")
        return self._wrap("[" + ",".join(_quoted(value) for value in values) + "]")

    def time_array(self, values: Iterable[str]) -> str:
        r"""Write an array of times ``YYYY-MM-DD HH:MM:SS``.

        >>> print(Dialect().time_array(["2023-03-01 20:15:00"]))
        [\'2023-03-01T20:15\']
        """
        return "[" + ",".join(f"\\'{self._iso(value)}\\'" for value in values) + "]"

    def _wrap(self, field_text: str) -> str:
        if self.quotes_wrapped and '"' in field_text:
            return '"' + field_text.replace('"', '""') + '"'
        return field_text

    def _iso(self, value: str) -> str:
        iso = value.replace(" ", "T")
        return iso[:-3] if "short_times" in self.extras and iso.endswith(":00") else iso


def _quoted(value: str) -> str:
    """One array element in single quotes, then escaped once more as part of the field.

    Two layers, as the parser undoes them: the array's own, then the field's.
    """
    inner = value.replace("\\", "\\\\").replace("'", "\\'")
    field_text = inner.translate(ESCAPE_TABLE).replace("'", "\\'")
    return f"\\'{field_text}\\'"


def number_array(values: Iterable[object]) -> str:
    """Write an array of numbers.

    >>> number_array([1, 2])
    '[1,2]'
    """
    return "[" + ",".join(map(str, values)) + "]"
