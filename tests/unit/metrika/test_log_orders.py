from __future__ import annotations

import pytest

from include.metrika.client.log_orders import read_request


class TestM7Status:
    @pytest.mark.parametrize(
        ("word", "status"),
        [("processed", "processed"), ("PROCESSED", "processed"), ("Created", "created"), ("Canceled", "canceled"),
         ("Digesting", "Digesting"), (None, "")],
    )  # fmt: skip
    def test_should_know_the_word_when_its_letter_case_differs(self, word: str | None, status: str) -> None:
        assert read_request({"request_id": 1, "status": word}, 5, "show").status == status
