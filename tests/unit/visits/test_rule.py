from __future__ import annotations

import numpy as np
import pytest

from include.visits.measuring.rule import passes_rule


class TestM17PassesRule:
    @pytest.mark.parametrize(
        ("visit", "expected"),
        [
            ((180, 5, 5), True),
            ((179, 5, 5), False),
            ((180, 4, 5), False),
            ((180, 5, 4), False),
            ((10**6, 10**4, 10**4), True),
            ((0, 0, 0), False),
            ((180, -5, 5), False),
        ],
    )
    def test_should_include_each_border_when_asked_about_one_visit(self, visit, expected):
        assert passes_rule(*([value] for value in visit)).tolist() == [expected]

    def test_should_give_an_empty_answer_when_there_are_no_visits(self):
        assert passes_rule([], [], []).shape == (0,)

    def test_should_answer_by_row_when_given_unsigned_columns(self):
        columns = [np.array(values, dtype=np.uint32) for values in ([180, 0], [5, 5], [5, 5])]
        assert passes_rule(*columns).tolist() == [True, False]
