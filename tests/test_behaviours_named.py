"""Every promised behaviour and every invariant is named by a test that is collected."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
# M: Metrika and conversions, X: across domains, A: accounts, P: apps and schemas, E: intake, L: learning metrics.
# L11, the minute for the metrics of 10 million events, is held by benchmarks/learning_metrics.py.
COUNTS = {"M": 26, "X": 9, "A": 7, "P": 6, "E": 10, "L": 10}
BEHAVIOURS = tuple(f"{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1))
INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I13", "I16", "I17", "I18")
# `TestM5Resume`, `test_m5_…`, `TestI7I8Kill`, or the bare word in a docstring: "M5, I7: …".
IN_NAME = re.compile(r"(?:(?<=^Test)|(?<=\d))([MIXAPEL]\d{1,2})(?=[A-Z]|$)|(?<=_)([mi]\d{1,2})(?=_)")
IN_TEXT = re.compile(r"\b([MIXAPEL]\d{1,2})\b")


def codes_in_name(name: str) -> set[str]:
    return {(first or second).upper() for first, second in IN_NAME.findall(name)}


def iter_named(path: Path) -> Iterator[tuple[str, str]]:
    """Behaviours and the tests of one file that name them; a file or a class names them for all its tests."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    of_file = set(IN_TEXT.findall(ast.get_docstring(module) or ""))
    for node in module.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith("Test"):  # a state machine
            yield from ((code, f"{path.name}::{ast.unparse(node.targets[0])}") for code in of_file)
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            of_class = of_file | codes_in_name(node.name) | set(IN_TEXT.findall(ast.get_docstring(node) or ""))
            for test in node.body:
                if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
                    own = codes_in_name(test.name) | set(IN_TEXT.findall(ast.get_docstring(test) or ""))
                    yield from ((code, f"{path.name}::{node.name}::{test.name}") for code in of_class | own)


@pytest.fixture(scope="module")
def named() -> dict[str, set[str]]:
    found = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for code, test in iter_named(path):
            found[code].add(test)
    return found


class TestNames:
    @pytest.mark.parametrize("code", BEHAVIOURS + INVARIANTS)
    def test_should_be_named_by_a_test(self, named: dict[str, set[str]], code: str) -> None:
        assert named[code], f"no test names {code} in its class, its name or its docstring"

    def test_should_name_no_behaviour_that_is_not_promised(self, named: dict[str, set[str]]) -> None:
        assert {code for code in named if code[0] in COUNTS} <= set(BEHAVIOURS)

    @pytest.mark.parametrize(
        ("name", "codes"),
        [("TestM5Resume", {"M5"}), ("TestM21", {"M21"}), ("test_m10_growth", {"M10"}), ("TestModels", set())],
    )
    def test_should_read_codes_from_names(self, name: str, codes: set[str]) -> None:
        assert codes_in_name(name) == codes
