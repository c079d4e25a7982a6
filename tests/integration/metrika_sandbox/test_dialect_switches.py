"""Each oddity of the TSV occurs by default and is gone when it is switched off (M11, M24, M26)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from include.metrika_sandbox.columns.fields import HIT_FIELDS, VISIT_FIELDS
from tests.integration.metrika_sandbox.caller import Caller

Start = Callable[..., Caller]


@dataclass(frozen=True)
class Oddity:
    """One oddity: where to look for it and how to know it."""

    extra: str
    source: str
    field: str
    pattern: str


ODDITIES = (
    Oddity("short_times", "visits", "ym:s:goalsDateTime", r".*T\d\d:\d\d\\'.*"),
    Oddity("bare_arrays", "visits", "ym:s:goalsCurrency", r"\[,RUB.*"),
    Oddity("bare_arrays", "visits", "ym:s:lastsignMessenger", r"\[,,,telegram\]"),
    Oddity("null_mark", "visits", "ym:s:referer", r"\\N"),
    Oddity("lone_quote", "hits", "ym:pv:title", r'"[^"]*'),
    Oddity("escapes", "hits", "ym:pv:title", r"Two\\tcolumns\\nand two lines \\\\ slash"),
    Oddity("escapes", "visits", "ym:s:purchasedProductName", r".*Bag \\\\\\'City.*"),
    Oddity("bad_utf8", "hits", "ym:pv:title", r".*[\udc80-\udcff].*"),
    Oddity("long_ids", "visits", "ym:s:visitID", r"\d{19,20}"),
)


def values(caller: Caller, oddity: Oddity) -> list[str]:
    """The field of every row, exactly as it stands in the TSV."""
    key = "ym:s:visitID" if oddity.source == "visits" else "ym:pv:watchID"
    number = caller.ready(source=oddity.source, fields=f"{key},{oddity.field}")["request_id"]
    return [row[1] for row in caller.rows(number)]


def shows(caller: Caller, oddity: Oddity) -> bool:
    return any(re.fullmatch(oddity.pattern, value) for value in values(caller, oddity))


class TestM26Oddities:
    @pytest.mark.parametrize("oddity", ODDITIES, ids=lambda one: f"{one.extra}-{one.field}")
    def test_should_occur_by_default_and_not_when_switched_off(self, call: Start, oddity: Oddity) -> None:
        given = {"visits_per_day": 3000, "parts": 1}
        assert shows(call(**given), oddity)
        assert not shows(call(f"quota_off,no_{oddity.extra}", **given), oddity)

    def test_should_have_none_of_them_when_all_are_off(self, call: Start) -> None:
        caller = call("quota_off,no_extras", visits_per_day=3000, parts=1)
        assert [one.extra for one in ODDITIES if shows(caller, one)] == []


class TestM26Quotes:
    FIELDS = "ym:pv:watchID,ym:pv:title,ym:pv:params"

    def _texts(self, caller: Caller) -> list[str]:
        number = caller.ready(source="hits", fields=self.FIELDS)["request_id"]
        return [text for row in caller.rows(number) for text in row[1:]]

    def test_should_stand_as_they_are_by_default(self, call: Start) -> None:
        texts = self._texts(call(visits_per_day=1000, parts=1))
        assert 'Coats "North" of this season' in texts
        assert '{"color":"red"}' in texts

    def test_should_be_doubled_in_wrapped_text_when_switched_on(self, call: Start) -> None:
        texts = self._texts(call("quotes_wrapped", visits_per_day=1000, parts=1))
        assert '"Coats ""North"" of this season"' in texts
        assert '"{""color"":""red""}"' in texts

    def test_should_leave_text_without_quotes_alone(self, call: Start) -> None:
        assert "Boots for winter" in self._texts(call("quotes_wrapped", visits_per_day=1000, parts=1))


class TestM24Shape:
    def test_should_keep_the_order_of_the_fields_asked_for(self, call: Start) -> None:
        caller = call(parts=1)
        fields = "ym:s:dateTime,ym:s:visitID,ym:s:bounce"
        body = caller.part(caller.ready(fields=fields)["request_id"], 0).content
        assert body.split(b"\n")[0].decode().split("\t") == fields.split(",")

    @pytest.mark.parametrize("faults", ["quota_off", "quota_off,quotes_wrapped"])
    def test_should_split_at_tabs_into_as_many_fields_as_it_names(self, call: Start, faults: str) -> None:
        caller = call(faults, visits_per_day=2000, parts=1)
        for source, fields in (("visits", VISIT_FIELDS), ("hits", HIT_FIELDS)):
            names = list(fields)[:90]
            rows = caller.rows(caller.ready(source=source, fields=",".join(names))["request_id"])
            assert {len(row) for row in rows} == {len(names)}

    def test_should_not_be_sorted(self, call: Start) -> None:
        caller = call(visits_per_day=30_000, parts=1)
        times = [row[0] for row in caller.rows(caller.ready(fields="ym:s:dateTime")["request_id"])]
        assert times != sorted(times)

    def test_should_end_lines_with_lf_only(self, call: Start) -> None:
        caller = call(parts=1)
        body = caller.part(caller.ready()["request_id"], 0).content
        assert body.endswith(b"\n")
        assert b"\r" not in body
