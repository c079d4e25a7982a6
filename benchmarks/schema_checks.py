"""Checking the properties of events against their schema: ours, and two JSON Schema libraries on the same events.

Ours says code and pointer of the first fault and gives the properties as they are kept, in one pass. The libraries are
asked yes or no; "complete" adds what intake needs beside: the first fault, nulls dropped, whole numbers as integers.
Times are of the processor. Numbers and the choice are in docs/decisions/0009.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker

from benchmarks.measuring import report
from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.compiled import EventSchema
from include.events.schemas.documents import schema_document
from include.events.schemas.judges import is_datetime

T = AttributeType
COLOURS = tuple(f"colour {number}" for number in range(20))
ATTRIBUTES = (
    Attribute("product_name", T.STRING, is_required=True),
    Attribute("quantity", T.INTEGER),
    Attribute("price", T.NUMBER),
    Attribute("colour", T.ENUM, values=COLOURS),
    Attribute("bought_at", T.DATETIME),
    *(Attribute(f"flag_{number}", T.BOOLEAN) for number in range(15)),
)
SIZES = (3, 5, 20)
GOAL_MICROSECONDS = 5.0  # for 3 to 5 attributes
SLOW_SHARE = 0.02  # of the events are enough to time the slowest way
FAULTY_SHARE = 0.05
ROUNDS = 5

Event = dict[str, Any]


def random_event(size: int, generator: random.Random) -> Event:
    """One event; a few of them hold a text for a number."""
    event: Event = {
        "product_name": f"diode {generator.randrange(10_000)}",
        "quantity": generator.randrange(1, 9),
        "price": round(generator.uniform(1, 500), 2),
        "colour": generator.choice(COLOURS),
        "bought_at": f"2025-07-{generator.randrange(1, 32):02}T12:00:00+03:00",
        **{f"flag_{number}": generator.random() < 0.5 for number in range(15)},
    }
    if generator.random() < FAULTY_SHARE:
        event["quantity"] = "2"
    return {name: event[name] for name in list(event)[:size]}


def microseconds(check: Callable[[Event], object], events: list[Event]) -> float:
    """Time of one event in the best of some rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for event in events:
            check(event)
        best = min(best, time.process_time() - start)
    return best / len(events) * 1e6


def complete(document: dict[str, Any]) -> Callable[[Event], object]:
    """jsonschema-rs with the rest of what a check has to give."""
    judge = jsonschema_rs.Draft202012Validator(document, validate_formats=True)
    integers = {name for name, one in document["properties"].items() if "integer" in one.get("type", ())}

    def check(event: Event) -> object:
        if not judge.is_valid(event):
            error = next(judge.iter_errors(event))
            return error.instance_path, error.kind
        return {
            name: int(value) if name in integers and value.__class__ is float else value
            for name, value in event.items()
            if value is not None
        }

    return check


def ways(attributes: tuple[Attribute, ...]) -> dict[str, Callable[[Event], bool]]:
    """Each way of checking, as yes or no."""
    schema = _schema(attributes)
    document = schema_document(schema, is_strict=True)
    formats = FormatChecker(())
    formats.checks("date-time")(lambda value: not isinstance(value, str) or is_datetime(value))
    return {
        "ours": lambda event: schema.check(event, is_strict=True).fault is None,
        "jsonschema-rs": jsonschema_rs.Draft202012Validator(document, validate_formats=True).is_valid,
        "jsonschema": Draft202012Validator(document, format_checker=formats).is_valid,
    }


def _schema(attributes: tuple[Attribute, ...]) -> EventSchema:
    return EventSchema("bought", "bought-1", 1, attributes)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    count = parser.parse_args().events
    for size in SIZES:
        generator = random.Random(size)
        events = [random_event(size, generator) for _ in range(count)]
        found = ways(ATTRIBUTES[:size])
        few = events[: max(100, int(count * SLOW_SHARE))]
        for event in few:
            verdicts = {name: check(event) for name, check in found.items()}
            if len(set(verdicts.values())) > 1:
                raise SystemExit(f"the ways disagree about {event}: {verdicts}")
        took = {name: microseconds(check, few if name == "jsonschema" else events) for name, check in found.items()}
        whole = microseconds(complete(schema_document(_schema(ATTRIBUTES[:size]), is_strict=True)), events)
        report(
            f"check of an event of {size} attributes, against complete jsonschema-rs", took["ours"], whole,
            unit="microseconds", rows=count, libraries=("jsonschema", "jsonschema-rs"),
            jsonschema_rs_microseconds=round(took["jsonschema-rs"], 2),
            jsonschema_microseconds=round(took["jsonschema"], 1), goal_microseconds=GOAL_MICROSECONDS,
        )  # fmt: skip


if __name__ == "__main__":
    main()
