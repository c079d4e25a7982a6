from __future__ import annotations

import re

import pytest

from include.visits.deciding.decision import decision_sql
from include.visits.measuring.features import features_sql
from include.visits.tables import VISIT_FEATURES, VISIT_SCORES


def selected(sql: str) -> list[str]:
    """Names the outermost SELECT gives its columns."""
    body = re.split(r"^SELECT$", sql, flags=re.MULTILINE)[1].split("\nFROM\n")[0]
    return re.findall(r"(?<=\bAS )(\w+)(?=,?$)", body, flags=re.MULTILINE)


class TestQueriesFitTheirTables:
    @pytest.mark.parametrize(
        ("sql", "table"), [(features_sql(), VISIT_FEATURES), (decision_sql(), VISIT_SCORES)], ids=["features", "scores"]
    )
    def test_should_select_the_columns_of_the_table_in_order(self, sql, table):
        assert selected(sql) == [column.name for column in table.columns]
