"""The error tree held to the picture in its docstring."""

from __future__ import annotations

import re

import pytest

from include import errors
from include.errors import CounterflowError, InputError, QuotaExceeded, SourceRejected

DRAWN = re.compile(r"^(?P<lead>[ │├└─]*)(?P<name>[A-Z]\w+)(?: +(?P<meaning>.*))?$")


def drawn() -> dict[str, tuple[str, str]]:
    """Parent and meaning of each error, as the docstring draws them."""
    found: dict[str, tuple[str, str]] = {}
    trail: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").split("::", 1)[1].splitlines():
        match = DRAWN.match(line.removeprefix("    "))
        if match is None:
            continue
        depth = len(match["lead"])
        trail = [(level, name) for level, name in trail if level < depth]
        found[match["name"]] = (trail[-1][1] if trail else "Exception", match["meaning"] or "")
        trail.append((depth, match["name"]))
    return found


def defined() -> dict[str, type[CounterflowError]]:
    return {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, CounterflowError)
    }


class TestTree:
    def test_should_draw_every_error_under_its_parent(self) -> None:
        parents = {name: kind.__bases__[0].__name__ for name, kind in defined().items()}
        assert {name: parent for name, (parent, _) in drawn().items()} == parents

    @pytest.mark.parametrize("name", [name for name, (_, meaning) in drawn().items() if meaning])
    def test_should_be_retryable_only_when_the_tree_says_so(self, name: str) -> None:
        meaning = drawn()[name][1]
        if meaning.startswith(("retryable", "final")):
            assert defined()[name].retryable is meaning.startswith("retryable")


class TestMessages:
    def test_should_keep_the_sentence_when_raised(self) -> None:
        assert str(InputError("The day is no day.")) == InputError("The day is no day.").message

    def test_should_say_how_long_to_wait_when_the_quota_is_used_up(self) -> None:
        assert QuotaExceeded("Wait.", wait_seconds=12.5).wait_seconds == 12.5

    def test_should_keep_status_and_request_when_metrika_refused(self) -> None:
        error = SourceRejected("No.", status=403, error_type="access_denied", counter_id=101, request_id=7)
        assert (error.status, error.error_type, error.counter_id, error.request_id) == (403, "access_denied", 101, 7)
