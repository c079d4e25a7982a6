"""Random attributes and properties for the tests of schemas."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema

NAMES = ("a", "b", "c", "d", "e")
WORDS = ("red", "green", "", "12", "true")
INSTANTS = (
    "2025-07-01T12:00:00Z", "2024-02-29T00:00:00.5+03:00", "2025-02-29T00:00:00Z", "2025-07-01T12:00:60Z",
    "2025-07-01", "2025-07-01t12:00:00z", "0000-01-01T00:00:00Z", "1999-12-31T23:59:59-23:59",
)  # fmt: skip
EDGES = (2**63, 2**63 - 1, -(2**63), -(2**63) - 1, 10**30, 1e19, -1e300, 9223372036854775808.0, 1.5, -0.0, 1.0)

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(EDGES), st.sampled_from(WORDS), st.sampled_from(INSTANTS), st.text(max_size=6),
)  # fmt: skip
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.text(max_size=2), scalars, max_size=2))
props = st.dictionaries(st.one_of(st.sampled_from(NAMES), st.text(max_size=2)), values, max_size=7)


@st.composite
def attribute(draw: st.DrawFn, name: str) -> Attribute:
    """One attribute of this name."""
    kind = draw(st.sampled_from(AttributeType))
    chosen: tuple[str, ...] = ()
    if kind is AttributeType.ENUM:
        chosen = tuple(draw(st.lists(st.sampled_from(WORDS), min_size=1, unique=True)))
    length = draw(st.sampled_from((1, 3, 1024))) if kind is AttributeType.STRING else 1024
    return Attribute(name, kind, draw(st.booleans()), chosen, length)


@st.composite
def attribute_lists(draw: st.DrawFn) -> tuple[Attribute, ...]:
    """Attributes with distinct names in any order."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return tuple(draw(attribute(name)) for name in names)


@st.composite
def fitting_props(draw: st.DrawFn, attributes: tuple[Attribute, ...]) -> dict[str, Any]:
    """Properties that mostly fit, so that tests see accepted events too."""
    found = {one.name: draw(_fitting(one)) for one in attributes if one.is_required or draw(st.booleans())}
    return {**found, **draw(st.one_of(st.just({}), props))} if draw(st.booleans()) else found


def schema_of(attributes: tuple[Attribute, ...], version: int = 1) -> EventSchema:
    """A version of an event with these attributes."""
    return EventSchema("e", "e-1", version, attributes)


def _fitting(one: Attribute) -> st.SearchStrategy[Any]:
    if one.type is AttributeType.STRING:
        return st.text(max_size=min(one.max_length, 5))
    if one.type is AttributeType.ENUM:
        return st.sampled_from(one.values)
    return {
        AttributeType.INTEGER: st.one_of(st.integers(-(2**63), 2**63 - 1), st.integers(-9, 9).map(float)),
        AttributeType.NUMBER: st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9)),
        AttributeType.BOOLEAN: st.booleans(),
        AttributeType.DATETIME: st.sampled_from(INSTANTS[:2]),
    }[one.type]
