"""P3: statistics equal a pandas reference, on random events and on a real shop's log."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.events.statistics.answering import Answer
from include.events.statistics.question import Aggregate, column_name
from include.warehouse.client import Warehouse
from tests.event_rows import Stored, event_schema, store
from tests.integration.events.statistics.conftest import Asking

AGGREGATES = [aggregate.value for aggregate in Aggregate]
SCHEMA = event_schema(("name", "string"), ("amount", "integer"), ("price", "number"))
numbers = itertools.count()
EMPTY = {"sum": 0, "count": 0, "uniq": 0, "avg": None, "min": None, "max": None}
AS_PANDAS = {"sum": "sum", "count": "count", "avg": "mean", "min": "min", "max": "max", "uniq": "nunique"}


@dataclass
class Reference:
    """The same answer, straight from the rows with pandas."""

    rows: pd.DataFrame  # user_code, name (None where absent), value (object; None where absent)
    agg: str
    top_k: int = 50

    def of(self, values: pd.Series) -> Any:
        known = values.dropna()
        if self.agg == "count":
            return len(known)
        if self.agg == "uniq":
            return known.nunique()
        if known.empty:
            return EMPTY[self.agg]
        if self.agg == "sum":
            return sum(known)
        if self.agg == "avg":
            return sum(known) / len(known)
        return min(known) if self.agg == "min" else max(known)

    def columns(self) -> list[str]:
        totals = {column: self.of(part["value"]) for column, part in self._by_column()}
        ranked = sorted(totals, key=lambda name: (totals[name] is None, -abs(totals[name] or 0), name))
        return ranked[: self.top_k] + (["__other__"] if len(ranked) > self.top_k else [])

    def wide(self) -> list[dict[str, Any]]:
        columns = self.columns()
        rows = self.rows.assign(column=self.rows["name"].map(column_name))
        rows["column"] = rows["column"].where(rows["column"].isin(columns), "__other__")
        found = []
        for user in sorted(rows["user_code"].unique(), key=lambda one: (one == "", one)):
            own = rows[rows["user_code"] == user]
            cells = {
                column: self.of(own["value"][own["column"] == column])
                if (own["column"] == column).any()
                else EMPTY[self.agg]
                for column in columns
            }
            found.append({"user_code": user or None, **cells})
        return found

    def _by_column(self) -> Any:
        return self.rows.assign(column=self.rows["name"].map(column_name)).groupby("column")


def assert_equal(found: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """The same rows and columns in the same order; doubles to the last digits, everything else exactly."""
    assert [list(row) for row in found] == [list(row) for row in wanted]
    for ours, theirs in zip(found, wanted, strict=True):
        for column, value in theirs.items():
            if isinstance(value, float):
                assert ours[column] == pytest.approx(value, rel=1e-12, abs=1e-12), column
            else:
                assert ours[column] == value, column


names = st.one_of(
    st.none(), st.sampled_from(["a", "b", "c", "total", "__null__", "__other__", "~", "user_code"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
)  # fmt: skip
integers = st.one_of(st.none(), st.integers(-5, 5), st.integers(-(2**63), 2**63 - 1))
users = st.sampled_from(["", "u1", "u2", "U3", "я"])
events = st.lists(st.tuples(users, names, integers), min_size=1, max_size=40)


class TestRandomEvents:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rows=events, agg=st.sampled_from(AGGREGATES), top_k=st.integers(1, 6))
    def test_should_equal_the_reference(
        self, warehouse: Warehouse, asking: Asking, rows: list[tuple[str, str | None, int | None]], agg: str, top_k: int
    ) -> None:
        project = f"random-{next(numbers)}"
        store(warehouse, [Stored({"name": name, "amount": amount}, user, project) for user, name, amount in rows])
        frame = pd.DataFrame(rows, columns=["user_code", "name", "value"], dtype=object)
        found = asking(SCHEMA, project=project, agg=agg, value="amount", top_k=top_k)
        assert_equal(found.wide(), Reference(frame, agg, top_k).wide())

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(rows=events, top_k=st.integers(1, 4), limit=st.integers(1, 4))
    def test_should_add_up_to_the_whole_whatever_is_folded_and_cut(
        self,
        warehouse: Warehouse,
        asking: Asking,
        rows: list[tuple[str, str | None, int | None]],
        top_k: int,
        limit: int,
    ) -> None:
        project = f"sums-{next(numbers)}"
        store(warehouse, [Stored({"name": name, "amount": amount}, user, project) for user, name, amount in rows])
        pages: list[dict[str, Any]] = []
        for offset in range(0, 10, limit):
            pages += asking(SCHEMA, project=project, top_k=top_k, limit=limit, offset=offset).wide()
        cells = [value for row in pages for column, value in row.items() if column != "user_code"]
        assert sum(cells) == sum(amount or 0 for _, _, amount in rows)


SHOP = "ecom"
SHOP_SCHEMA = event_schema(
    ("step", "string"), ("seconds", "integer"), ("price", "number"), ("platform", "string"), ("channel", "string")
)


@pytest.fixture(scope="module")
def shop(warehouse: Warehouse, shared_data: Callable[[str], Path]) -> pd.DataFrame:
    """The log of a shop as events of one name, with a whole number and a double made from each row; sent twice."""
    raw = pd.read_csv(shared_data("retentioneering/ecom.csv.gz"), parse_dates=["timestamp"])
    began = raw.groupby("session_id")["timestamp"].transform("min")
    frame = pd.DataFrame(
        {
            "user_code": raw["user_id"],
            "step": raw["event"],
            "seconds": (raw["timestamp"] - began).dt.total_seconds().astype("int64"),
            "price": np.arange(len(raw)) % 997 / 7,
            "platform": raw["platform"],
            "channel": raw["acquisition_channel"],
            "at": raw["timestamp"].dt.tz_localize("UTC"),
        }
    )
    stored = [
        Stored(
            {"step": row.step, "seconds": row.seconds, "price": row.price, "platform": row.platform,
             "channel": row.channel},
            row.user_code, SHOP, event_time=row.at.to_pydatetime(), event_id=str(uuid.UUID(int=place)),
        )
        for place, row in enumerate(frame.itertuples())
    ]  # fmt: skip
    for part in (stored, stored[: len(stored) // 2]):
        store(warehouse, part)
    return frame


def pivot(frame: pd.DataFrame, group: str, value: str, agg: str, top_k: int = 50) -> pd.DataFrame:
    """The wide answer by pandas: a row per user in order, a column per value, the largest first."""
    how = AS_PANDAS[agg]
    totals = frame.groupby(group)[value].agg(how)
    ranked = sorted(totals.index, key=lambda name: (-abs(totals[name]), name))
    kept = ranked[:top_k]
    folded = frame[group].where(frame[group].isin(kept), "__other__")
    table = frame.assign(column=folded).pivot_table(index="user_code", columns="column", values=value, aggfunc=how)
    wide = table.reindex(columns=kept + (["__other__"] if len(ranked) > top_k else []))
    return wide if EMPTY[agg] is None else wide.fillna(0)


def as_frame(found: Answer) -> pd.DataFrame:
    return pd.DataFrame(found.wide()).set_index("user_code").astype(float)


@pytest.mark.shared_data
class TestShop:
    @pytest.mark.parametrize("agg", AGGREGATES)
    @pytest.mark.parametrize("value", ["seconds", "price"])
    def test_should_equal_pandas_for_every_aggregate(
        self, asking: Asking, shop: pd.DataFrame, agg: str, value: str
    ) -> None:
        found = asking(SHOP_SCHEMA, project=SHOP, agg=agg, value=value, limit=1000)
        wanted = pivot(shop, "step", value, agg)
        assert (found.total, len(found.columns)) == (600, 19)
        pd.testing.assert_frame_equal(as_frame(found), wanted.astype(float), rtol=1e-12, check_names=False)

    @pytest.mark.parametrize("agg", AGGREGATES)
    @pytest.mark.parametrize("top_k", [1, 4, 18, 19])
    def test_should_equal_pandas_when_columns_are_folded(
        self, asking: Asking, shop: pd.DataFrame, agg: str, top_k: int
    ) -> None:
        found = asking(SHOP_SCHEMA, project=SHOP, agg=agg, value="seconds", top_k=top_k, limit=1000)
        wanted = pivot(shop, "step", "seconds", agg, top_k)
        pd.testing.assert_frame_equal(as_frame(found), wanted.astype(float), rtol=1e-12, check_names=False)

    @pytest.mark.parametrize("agg", AGGREGATES)
    def test_should_equal_pandas_when_filtered_over_a_period_and_cut_into_pages(
        self, asking: Asking, shop: pd.DataFrame, agg: str
    ) -> None:
        chosen = shop[
            shop["platform"].isin(["mobile", "tablet"])
            & (shop["seconds"] >= 10)
            & (shop["channel"] != "email")
            & (shop["at"] >= "2024-02-01T00:00:00Z")
            & (shop["at"] < "2024-05-01T12:00:00Z")
        ]
        wanted = pivot(chosen, "step", "price", agg, 5)
        pages = []
        for offset in range(0, 601, 70):
            found = asking(
                SHOP_SCHEMA, project=SHOP, agg=agg, value="price", top_k=5, limit=70, offset=offset,
                start="2024-02-01", end="2024-05-01T12:00:00Z",
                filters=("platform:in:mobile,tablet", "seconds:ge:10", "channel:ne:email"),
            )  # fmt: skip
            assert found.total == len(wanted)
            pages += found.wide()
        frame = pd.DataFrame(pages).set_index("user_code").astype(float)
        pd.testing.assert_frame_equal(frame, wanted.astype(float), rtol=1e-12, check_names=False)

    def test_should_add_up_to_all_events_when_columns_are_summed(self, asking: Asking, shop: pd.DataFrame) -> None:
        for top_k in (1, 7, 200):
            found = asking(SHOP_SCHEMA, project=SHOP, top_k=top_k, limit=1000, group_by="channel")
            assert int(as_frame(found).to_numpy().sum()) == int(shop["seconds"].sum())
            counted = asking(SHOP_SCHEMA, project=SHOP, agg="count", top_k=top_k, limit=1000)
            assert int(as_frame(counted).to_numpy().sum()) == len(shop) == 31_106
