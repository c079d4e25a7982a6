"""A version of an event's schema, made ready to check many events fast.

This is the one thing that decides at run time. The JSON Schema documents of ``documents.py`` say the same in
a public language; a property test holds both together. Why not a library: docs/decisions/0009.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.judges import Misfit, judge_of

UNKNOWN_ATTR, MISSING_ATTR = "unknown_attr", "missing_attr"
UNKNOWN_WARNING = (UNKNOWN_ATTR,)


class Fault(NamedTuple):
    """Why an event does not fit its schema.

    Attributes:
        code: ``unknown_attr``, ``missing_attr``, ``attr_type_mismatch``, ``enum_value``, ``attr_too_long`` or
            ``out_of_range``.
        pointer: JSON pointer of the attribute, below the properties, for example ``/quantity``.
        message: one sentence; never holds the value.
    """

    code: str
    pointer: str
    message: str


class CheckedProps(NamedTuple):
    """What became of an event's properties.

    Attributes:
        props: as they are kept: without nulls, whole numbers of integer attributes as integers; empty with a fault.
        warnings: codes of what was odd but is accepted, each once.
        fault: the first reason to refuse the event, in the order sent; missing attributes come last.
    """

    props: dict[str, Any]
    warnings: tuple[str, ...] = ()
    fault: Fault | None = None


Check = Callable[[dict[str, Any], bool], CheckedProps]


@dataclass(frozen=True)
class EventSchema:
    """One version of what an event may hold.

    Attributes:
        event_name: name in its one spelling.
        event_code: its code, equal for all versions.
        version: from 1.
        attributes: in the order registered.
        types: type by name of attribute.
    """

    event_name: str
    event_code: str
    version: int
    attributes: tuple[Attribute, ...]
    types: dict[str, AttributeType] = field(init=False, repr=False, compare=False)
    _check: Check = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "types", {attribute.name: attribute.type for attribute in self.attributes})
        object.__setattr__(self, "_check", compile_check(self.attributes))

    def check(self, props: dict[str, Any], *, is_strict: bool) -> CheckedProps:
        """Hold the properties of one event against this version.

        Args:
            props: names and values as JSON gave them; not changed. A null counts as absent.
            is_strict: refuse attributes the schema does not know; else they are kept with a warning.

        Returns:
            The properties as they are kept, or the fault.
        """
        return self._check(props, is_strict)


def compile_check(attributes: Iterable[Attribute]) -> Check:
    """Make the check of a set of attributes.

    Args:
        attributes: with distinct names.

    Returns:
        Function of properties and strictness.
    """
    attributes = tuple(attributes)
    find_judge = {attribute.name: judge_of(attribute) for attribute in attributes}.get
    required = tuple(attribute.name for attribute in attributes if attribute.is_required)

    def check(props: dict[str, Any], is_strict: bool) -> CheckedProps:
        """Judge each property, then look for missing ones."""
        kept: dict[str, Any] = {}
        warnings: tuple[str, ...] = ()
        for name, value in props.items():
            if value is None:
                continue
            judge = find_judge(name)
            if judge is not None:
                try:
                    kept[name] = judge(value)
                except Misfit as misfit:
                    return _refused(misfit.code, name, f"{_shown(name)} {misfit.message}.")
            elif is_strict:
                return _refused(UNKNOWN_ATTR, name, f"{_shown(name)} is no attribute of this event.")
            else:
                kept[name] = value
                warnings = UNKNOWN_WARNING
        for name in required:
            if name not in kept:
                return _refused(MISSING_ATTR, name, f"{_shown(name)} is required and missing.")
        return CheckedProps(kept, warnings)

    return check


def pointer_to(name: str) -> str:
    """Write a JSON pointer of one step.

    Args:
        name: a key.

    Returns:
        The pointer, escaped.

    >>> pointer_to("a/b")
    '/a~1b'
    """
    return "/" + name.replace("~", "~0").replace("/", "~1")


LONGEST_SHOWN_CHARS = 64  # of a name in a message; senders choose the names of unknown attributes


def _shown(name: str) -> str:
    return name if len(name) <= LONGEST_SHOWN_CHARS else name[: LONGEST_SHOWN_CHARS - 1] + "…"


def _refused(code: str, name: str, message: str) -> CheckedProps:
    return CheckedProps({}, (), Fault(code, pointer_to(name), message))
