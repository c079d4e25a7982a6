"""The JSON Schema documents say what the compiled check decides: random events, and P6's public suite."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.documents import DIALECT, schema_document
from include.events.schemas.judges import is_datetime
from tests.random_schemas import attribute_lists, fitting_props, props, schema_of

SUITE = "badinput/json_schema_draft2020-12.tar.gz"
KEYWORDS = (
    "additionalProperties", "enum", "maxLength", "maximum", "minimum", "pattern", "properties", "required", "type",
    "optional/format/date-time",
)  # fmt: skip
PROPERTY_ESCAPE = "\\p{"  # in a pattern; Python has no word for it, and our patterns need none
SECOND_60 = "leap second"  # valid in RFC 3339, refused here and said so in the pattern
T = AttributeType
PLAIN_TYPES = {kind.value: kind for kind in (T.STRING, T.INTEGER, T.NUMBER, T.BOOLEAN)}
formats = FormatChecker(())


@formats.checks("date-time")
def _is_date_time(value: object) -> bool:
    return not isinstance(value, str) or is_datetime(value)


def validator(attributes: tuple[Attribute, ...], *, is_strict: bool) -> Draft202012Validator:
    document = schema_document(schema_of(attributes), is_strict=is_strict)
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(json.loads(json.dumps(document)), format_checker=formats)


class TestSchemaDocument:
    def test_should_name_dialect_code_and_version(self) -> None:
        document = schema_document(schema_of((), 3), is_strict=True)
        assert (document["$schema"], document["$id"], document["title"]) == (DIALECT, "urn:counterflow:e-1:3", "e")

    @settings(max_examples=300)
    @given(st.data(), st.booleans())
    def test_should_agree_with_the_compiled_check_on_random_events(self, data: st.DataObject, is_strict: bool) -> None:
        attributes = data.draw(attribute_lists())
        event = data.draw(st.one_of(props, fitting_props(attributes)))
        checked = schema_of(attributes).check(event, is_strict=is_strict)
        said = validator(attributes, is_strict=is_strict).is_valid(event)
        assert said == (checked.fault is None), (attributes, event, checked)

    @settings(max_examples=200)
    @given(st.data(), st.booleans())
    def test_should_take_what_is_kept_of_an_accepted_event(self, data: st.DataObject, is_strict: bool) -> None:
        attributes = data.draw(attribute_lists())
        checked = schema_of(attributes).check(data.draw(fitting_props(attributes)), is_strict=is_strict)
        assert checked.fault is not None or validator(attributes, is_strict=is_strict).is_valid(checked.props)


def cases(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Keyword and group of tests, of the keywords our documents use."""
    with tarfile.open(path) as archive:
        for keyword in KEYWORDS:
            member = archive.extractfile(f"tests/draft2020-12/{keyword}.json")
            assert member is not None
            for group in json.load(member):
                if PROPERTY_ESCAPE not in str(group["schema"].get("pattern", "")):
                    yield keyword, group


@pytest.mark.shared_data
class TestPublicSuite:
    """P6."""

    def test_should_have_a_judge_that_passes_the_suite(self, shared_data: Callable[[str], Path]) -> None:
        """The library we are compared with is right about every keyword our documents use."""
        wrong, count = [], 0
        for keyword, group in cases(shared_data(SUITE)):
            judge = Draft202012Validator(group["schema"], format_checker=formats)
            for test in group["tests"]:
                count += 1
                if judge.is_valid(test["data"]) != test["valid"] and SECOND_60 not in test["description"]:
                    wrong.append((keyword, group["description"], test["description"]))
        assert (wrong, count > 200) == ([], True)

    def test_should_decide_as_the_suite_says_where_an_attribute_can_say_it(
        self, shared_data: Callable[[str], Path]
    ) -> None:
        wrong, seen = [], set()
        for keyword, group in cases(shared_data(SUITE)):
            attributes = _attributes(keyword, group["schema"])
            if attributes is None:
                continue
            for test in group["tests"]:
                event = _event(keyword, test["data"])
                if event is None or (SECOND_60 in test["description"] and test["valid"]):
                    continue
                seen.add(keyword)
                is_strict = keyword == "additionalProperties"
                is_taken = schema_of(attributes).check(event, is_strict=is_strict).fault is None
                if is_taken != test["valid"]:
                    wrong.append((keyword, group["description"], test["description"]))
        assert wrong == []
        assert seen == {"type", "enum", "maxLength", "required", "optional/format/date-time"}


def _attributes(keyword: str, schema: Any) -> tuple[Attribute, ...] | None:
    """The schema of a group as attributes, or None when they have no word for it."""
    rest = {name: value for name, value in schema.items() if name != "$schema"}
    if keyword == "type" and rest.get("type") in list(PLAIN_TYPES):
        return (Attribute("a", PLAIN_TYPES[rest["type"]], is_required=True),)
    if keyword == "enum" and set(rest) == {"enum"} and all(isinstance(value, str) for value in rest["enum"]):
        return (Attribute("a", T.ENUM, is_required=True, values=tuple(rest["enum"])),)
    if keyword == "maxLength" and set(rest) == {"maxLength"}:
        return (Attribute("a", T.STRING, max_length=int(rest["maxLength"])),)
    if keyword == "required" and set(rest) == {"properties", "required"}:
        return tuple(Attribute(name, T.INTEGER, is_required=True) for name in rest["required"])
    if keyword == "optional/format/date-time":
        return (Attribute("a", T.DATETIME),)
    return None


def _event(keyword: str, data: Any) -> dict[str, Any] | None:
    """The data of a test as properties; None where JSON Schema looks at texts or objects only."""
    if keyword == "required":
        return data if isinstance(data, dict) else None
    if keyword in ("maxLength", "optional/format/date-time") and not isinstance(data, str):
        return None
    return {"a": data}
