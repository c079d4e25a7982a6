"""The field registry: which fields exist, what they mean, where they are stored.

An unknown name is refused here, before any call to Metrika.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence

from include.errors import InputError
from include.metrika.fields.kinds import NAMESPACES, Field, Kind
from include.metrika.fields.registry import attributed_field, build_hits, build_visits
from include.metrika.fields.rows import ATTRIBUTED, ATTRIBUTIONS, DEFAULT_ATTRIBUTION

__all__ = [
    "FIELDS", "HIT_FIELDS", "MAX_FIELDS_CHARACTERS", "VISIT_FIELDS", "Field", "Kind",
    "find_field", "join_names", "resolve_fields", "split_fields",
]  # fmt: skip

MAX_FIELDS_CHARACTERS = 3000  # documented limit of the `fields` parameter
SETTINGS = {"visits": "METRIKA_VISIT_FIELDS", "hits": "METRIKA_HIT_FIELDS"}
PLACEHOLDER = "<attribution>"  # how the documentation writes the prefix

FIELDS: Mapping[str, Mapping[str, Field]] = {"visits": build_visits(), "hits": build_hits()}
VISIT_FIELDS: tuple[Field, ...] = tuple(field for field in FIELDS["visits"].values() if field.is_required)
HIT_FIELDS: tuple[Field, ...] = tuple(field for field in FIELDS["hits"].values() if field.is_required)

_ALIASES = {
    source: {alias: field for field in fields.values() for alias in field.aliases} for source, fields in FIELDS.items()
}
_LONGEST_FIRST = sorted(ATTRIBUTIONS, key=len, reverse=True)


def find_field(source: str, name: str) -> Field | None:
    """Find a field by any of its names.

    Args:
        source: ``visits`` or ``hits``.
        name: API name, old name, or a name with an attribution prefix; case matters.

    Returns:
        The field under its current name, or None.

    >>> find_field("visits", "ym:s:lastsignTrafficSource").column
    'lastsign_traffic_source'
    >>> find_field("visits", "ym:s:productsPrice").api_name
    'ym:s:purchasedProductPrice'
    """
    known = FIELDS[source].get(name) or _ALIASES[source].get(name)
    if known or source != "visits":
        return known
    prefix = NAMESPACES[source]
    stem = name.replace(PLACEHOLDER, DEFAULT_ATTRIBUTION, 1).removeprefix(prefix)
    if not name.startswith(prefix):
        return None
    for model in _LONGEST_FIRST:
        if stem.startswith(model):
            return attributed_field(model, stem.removeprefix(model))
    return None


def resolve_fields(source: str, extra: Iterable[str] = ()) -> tuple[Field, ...]:
    """The fields to request: the required ones, then the extra ones.

    Args:
        source: ``visits`` or ``hits``.
        extra: further names, as in METRIKA_VISIT_FIELDS; repeated and required ones are ignored.

    Returns:
        The fields, each once, in a stable order.

    Raises:
        InputError: the source is neither, or a name is not a field of it (code ``unknown_field``).
    """
    if source not in FIELDS:
        raise InputError(f"{source!r} is not a log source; use visits or hits.", code="unknown_source")
    chosen = {field.api_name: field for field in FIELDS[source].values() if field.is_required}
    for name in extra:
        field = find_field(source, name)
        if field is None:
            raise _unknown(source, name)
        chosen.setdefault(field.api_name, field)
    return tuple(chosen.values())


def _unknown(source: str, name: str) -> InputError:
    known = [*FIELDS[source], *_ALIASES[source]]
    stem = name.rpartition(":")[2]
    if source == "visits":
        known += [f"{NAMESPACES[source]}{DEFAULT_ATTRIBUTION}{end}" for end, *_ in ATTRIBUTED]
    close = difflib.get_close_matches(NAMESPACES[source] + stem, known, n=1, cutoff=0.6)
    hint = f" did you mean {close[0]}?" if close else " names are case-sensitive."
    return InputError(
        f"{name!r} is not a field of {source};{hint} Correct {SETTINGS[source]} or the run's field list.",
        code="unknown_field",
        pointer="/fields",
    )


def join_names(fields: Sequence[Field]) -> str:
    """The comma list that Metrika wants.

    Args:
        fields: the fields in order.

    Returns:
        Their API names.
    """
    return ",".join(field.api_name for field in fields)


def split_fields(fields: Sequence[Field], limit: int = MAX_FIELDS_CHARACTERS) -> tuple[tuple[Field, ...], ...]:
    """Cut a field list into requests that Metrika accepts; each carries the key.

    Args:
        fields: the fields in order, the key among them.
        limit: longest comma list in characters.

    Returns:
        One or more lists; together they hold every field, and each begins with the key fields.

    Raises:
        InputError: the key and one more field do not fit into the limit.
    """
    if len(join_names(fields)) <= limit:
        return (tuple(fields),)
    key = [field for field in fields if field.is_key]
    halves: list[list[Field]] = [list(key)]
    for field in fields:
        if field.is_key:
            continue
        if len(join_names([*halves[-1], field])) > limit:
            halves.append(list(key))
        halves[-1].append(field)
    if any(len(join_names(half)) > limit for half in halves):
        raise InputError(f"{limit} characters cannot hold the key and one field.", code="fields_too_long")
    return tuple(tuple(half) for half in halves if len(half) > len(key))
