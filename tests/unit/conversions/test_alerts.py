from __future__ import annotations

from typing import Any

import pytest

from include.conversions.tracking import alert_of
from include.metrika.client.conversions_api import Uploading


def alert(status: str = "PROCESSED", rows: int = 10, **quantities: Any) -> str:
    shown = {"source_quantity": 10, "line_quantity": 10, "linked_quantity": 10} | quantities
    return alert_of(rows, Uploading(1, status, "c", **shown), 0.5)


class TestM22AlertOf:
    def test_should_be_silent_when_everything_is_linked(self) -> None:
        assert alert() == ""

    @pytest.mark.parametrize(("linked", "is_alert"), [(5, False), (4, True), (None, False)])
    def test_should_compare_the_linked_share_when_it_is_known(self, linked: int | None, is_alert: bool) -> None:
        assert ("were linked" in alert(linked_quantity=linked)) is is_alert

    def test_should_warn_when_lines_are_fewer_than_rows(self) -> None:
        assert "3 of 10 rows did not pass" in alert(line_quantity=7)

    def test_should_warn_when_metrika_counts_other_rows(self) -> None:
        assert "Metrika counts 10 rows, 11 were sent." in alert(rows=11)

    def test_should_wait_with_a_judgement_when_linking_goes_on(self) -> None:
        assert alert("MATCHED", line_quantity=0, linked_quantity=0) == ""

    def test_should_say_so_when_no_identifier_matched(self) -> None:
        assert "matched no identifier" in alert("LINKAGE_FAILURE")
