"""The SQL of a question: fixed fragments put together, everything a caller wrote as bound parameters."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from include.events.schemas.attributes import Attribute, AttributeType
from include.events.schemas.judges import DATETIME_PATTERN
from include.events.statistics.periods import milliseconds_of
from include.events.statistics.question import (
    ESCAPE,
    NULL_COLUMN,
    OTHER_COLUMN,
    RESERVED_COLUMNS,
    TOTAL_COLUMN,
    Aggregate,
    Comparison,
    Condition,
    Question,
)
from include.warehouse.client import quoted

LARGEST_SKEW = dt.timedelta(days=1)  # the clock of a sender is corrected by no more
TEXT = "JSONExtractString({raw})"
# What ClickHouse makes of the JSON text of an attribute; NULL where it is absent or not of the type.
TYPED = {
    AttributeType.INTEGER: "toInt64OrNull({raw})",
    AttributeType.NUMBER: "toFloat64OrNull({raw})",
    AttributeType.BOOLEAN: "multiIf({raw} = 'true', toNullable(1), {raw} = 'false', toNullable(0), NULL)",
    AttributeType.STRING: (
        f"if(startsWith({{raw}}, '\"') AND lengthUTF8({TEXT}) <= %({{slot}}_length)s, toNullable({TEXT}), NULL)"
    ),
    AttributeType.ENUM: f"if(startsWith({{raw}}, '\"') AND has(%({{slot}}_values)s, {TEXT}), toNullable({TEXT}), NULL)",
    AttributeType.DATETIME: (
        f"if(match({TEXT}, %({{slot}}_pattern)s), "
        f"toUnixTimestamp64Milli(parseDateTime64BestEffortOrNull({TEXT}, 3, 'UTC')), NULL)"
    ),
}
# How a value of the type is written as the name of a column.
NAMED = {
    AttributeType.INTEGER: "toString({typed})",
    AttributeType.NUMBER: "toString({typed})",
    AttributeType.BOOLEAN: "multiIf({typed} = 1, toNullable('true'), {typed} = 0, 'false', NULL)",
    AttributeType.STRING: "{typed}",
    AttributeType.ENUM: "{typed}",
    AttributeType.DATETIME: f"if(isNull({{typed}}), NULL, toNullable({TEXT}))",
}
# Partial aggregates, of integers and of doubles. Sums of integers in 128 bits stay exact; sums of doubles hardly depend
# on the order of the events.
STATES = {
    Aggregate.COUNT: ("countState(value)", "countState(value)"),
    Aggregate.SUM: ("sumState(toInt128(value))", "sumKahanState(value)"),
    Aggregate.AVG: ("avgState(toInt128(value))", "avgState(value)"),
    Aggregate.MIN: ("minState(value)", "minState(value)"),
    Aggregate.MAX: ("maxState(value)", "maxState(value)"),
    Aggregate.UNIQ: ("uniqExactState(value)", "uniqExactState(value)"),
}
MERGED_OF_COLUMN = "(state) OVER (PARTITION BY column)"
COMPARISONS = {
    Comparison.EQ: "{left} = {right}",
    Comparison.NE: "{left} != {right}",
    Comparison.LT: "{left} < {right}",
    Comparison.LE: "{left} <= {right}",
    Comparison.GT: "{left} > {right}",
    Comparison.GE: "{left} >= {right}",
    Comparison.IN: "{left} IN {right}",
}


@dataclass(frozen=True)
class Statement:
    """A query with its values.

    Attributes:
        sql: text with ``%(name)s`` where a value belongs.
        params: the values.
    """

    sql: str
    params: dict[str, Any]


class Statements:
    """All queries of one question.

    Args:
        question: what is asked.
        table: ClickHouse table of events.
    """

    def __init__(self, question: Question, table: str) -> None:
        self._question = question
        self._params: dict[str, Any] = {"project": question.project, "event_name": question.event_name}
        self._slots: dict[str, str] = {}
        for attribute in _attributes(question):
            self._add_slot(attribute)
        self._typed = _read("typed").format(
            name=self._name(),
            value=self._slot_of(question.value, "v") if question.value else "NULL",
            fits=" AND ".join(f"({_fits(slot)})" for slot in self._slots.values()) or "1",
            typed="".join(f", {self._typed_of(attribute)} AS v_{slot}" for attribute, slot in self._pairs()),
            events=self._events(table),
            conditions=" AND ".join(self._conditions()) or "1",
        )

    def answer(self) -> Statement:
        """Everything: the cells of the page, the names of the large columns, and how much there is in all."""
        question, state = self._question, self._state()
        merge = state.partition("State(")[0] + "Merge"
        empty = "ifNull({}, 0)" if question.aggregate is Aggregate.SUM else "{}"
        pairs = _read("pairs").format(state=state, typed=self._typed, column=self._column())
        sql = _read("answer").format(
            answer=empty.format(f"{merge}(state)"), size=empty.format(merge + MERGED_OF_COLUMN), pairs=pairs
        )
        values = {
            "limit": question.limit,
            "offset": question.offset,
            "top_count": question.top_count,
            "other": OTHER_COLUMN,
        }
        return Statement(sql, {**self._params, **values})

    def totals(self) -> Statement:
        """How many events do not fit."""
        return Statement(_read("totals").format(typed=self._typed), self._params)

    def _state(self) -> str:
        question = self._question
        if question.value is None:
            return "countState()"
        return STATES[question.aggregate][0 if question.value.type is AttributeType.INTEGER else 1]

    def _pairs(self) -> list[tuple[Attribute, str]]:
        found = {attribute.name: attribute for attribute in _attributes(self._question)}
        return [(found[name], slot) for name, slot in self._slots.items()]

    def _add_slot(self, attribute: Attribute) -> None:
        if attribute.name in self._slots:
            return
        slot = self._slots[attribute.name] = f"a{len(self._slots)}"
        self._params[f"{slot}_name"] = attribute.name
        if attribute.type is AttributeType.STRING:
            self._params[f"{slot}_length"] = attribute.max_length
        if attribute.type is AttributeType.ENUM:
            self._params[f"{slot}_values"] = list(attribute.values)
        if attribute.type is AttributeType.DATETIME:
            self._params[f"{slot}_pattern"] = DATETIME_PATTERN

    def _slot_of(self, attribute: Attribute, prefix: str) -> str:
        return f"{prefix}_{self._slots[attribute.name]}"

    def _typed_of(self, attribute: Attribute) -> str:
        return TYPED[attribute.type].format(raw=self._slot_of(attribute, "r"), slot=self._slots[attribute.name])

    def _name(self) -> str:
        """The value of the grouping attribute as text, NULL where it is absent."""
        group = self._question.group
        if group is None:
            return "CAST(NULL AS Nullable(String))"
        raw, typed = self._slot_of(group, "r"), self._slot_of(group, "v")
        return NAMED[group.type].format(raw=raw, typed=typed)

    def _column(self) -> str:
        """The name of a value's column, as ``question.column_name`` gives it."""
        if self._question.group is None:
            self._params["total"] = TOTAL_COLUMN
            return "%(total)s"
        self._params |= {"reserved": list(RESERVED_COLUMNS), "escape": ESCAPE, "null_column": NULL_COLUMN}
        known = "assumeNotNull(name)"
        escaped = f"has(%(reserved)s, {known}) OR startsWith({known}, %(escape)s)"
        return f"multiIf(isNull(name), %(null_column)s, {escaped}, concat(%(escape)s, {known}), {known})"

    def _events(self, table: str) -> str:
        raw = "".join(f", JSONExtractRaw(props, %({slot}_name)s) AS r_{slot}" for slot in self._slots.values())
        question, narrowing = self._question, []
        if question.start_at is not None:
            narrowing += [_bound("event_time", ">=", "start"), _bound("occurred_at", ">=", "first")]
            self._params["start"] = milliseconds_of(question.start_at)
            self._params["first"] = milliseconds_of(question.start_at - LARGEST_SKEW)
        if question.end_at is not None:
            narrowing += [_bound("event_time", "<", "end"), _bound("occurred_at", "<", "last")]
            self._params["end"] = milliseconds_of(question.end_at)
            self._params["last"] = milliseconds_of(question.end_at + LARGEST_SKEW)
        if question.user is not None:
            narrowing.append("user = %(user)s AND user != ''")
            self._params["user"] = question.user
        return _read("events").format(
            user=quoted(question.identity),
            raw=raw,
            table=quoted(table),
            narrowing="".join(f" AND {one}" for one in narrowing),
        )

    def _conditions(self) -> list[str]:
        found = []
        for place, condition in enumerate(self._question.conditions):
            self._params[f"filter{place}"] = condition.value
            test = self._condition(condition, f"%(filter{place})s")
            if condition.attribute is not None:
                # What does not fit is let through, so that it is counted as left out.
                test = f"({test} OR NOT ({_fits(self._slots[condition.attribute.name])}))"
            found.append(test)
        return found

    def _condition(self, condition: Condition, right: str) -> str:
        attribute = condition.attribute
        if condition.comparison is Comparison.EXISTS:
            exists = "user != ''" if attribute is None else f"NOT {_is_absent(self._slots[attribute.name])}"
            return exists if condition.value else f"NOT ({exists})"
        left = "user" if attribute is None else self._slot_of(attribute, "v")
        test = COMPARISONS[condition.comparison].format(left=left, right=right)
        return f"({test} AND user != '')" if attribute is None else test


def _attributes(question: Question) -> list[Attribute]:
    named = [question.group, question.value, *(condition.attribute for condition in question.conditions)]
    return [attribute for attribute in named if attribute is not None]


def _is_absent(slot: str) -> str:
    return f"r_{slot} IN ('', 'null')"


def _fits(slot: str) -> str:
    return f"{_is_absent(slot)} OR isNotNull(v_{slot})"


def _bound(column: str, comparison: str, name: str) -> str:
    return f"{column} {comparison} fromUnixTimestamp64Milli(%({name})s, 'UTC')"


@cache
def _read(name: str) -> str:
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()
