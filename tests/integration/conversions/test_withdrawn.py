from __future__ import annotations

from dataclasses import replace

import pytest

from include.state.manifest import read_stage
from tests.conversion_days import ScoredDay


@pytest.fixture
def sent(scored: ScoredDay) -> ScoredDay:
    """Five visits sent; two of them are no longer level 4+."""
    scored.upload()
    scored.score(scored.visits[2:])
    return scored


class TestWithdrawn:
    def test_should_be_in_the_report_beside_what_stands_when_visits_are_no_longer_level4(self, sent: ScoredDay) -> None:
        report = sent.upload()
        assert (report.sent, report.held, report.already_sent, report.withdrawn, report.withdrawn_sent) == (
            0,
            0,
            3,
            2,
            2,
        )

    def test_should_add_up_to_what_metrika_has_when_some_were_sent(self, sent: ScoredDay) -> None:
        report = sent.upload()
        assert report.sent + report.already_sent + report.withdrawn_sent == len(sent.accepted())

    def test_should_be_in_the_manifest(self, sent: ScoredDay) -> None:
        sent.upload()
        with sent.state.connect() as connection:
            record = read_stage(connection, sent.counter_id, sent.day, "upload")
        assert record is not None
        assert (record.counts["withdrawn"], record.counts["withdrawn_sent"]) == (2, 2)

    def test_should_be_told_by_tracking(self, sent: ScoredDay) -> None:
        sent.upload()
        assert (sent.track().withdrawn, sent.track(day=sent.day).withdrawn) == (2, 2)

    def test_should_not_be_called_sent_when_they_were_held(self, scored: ScoredDay) -> None:
        first = scored.visits[0]
        scored.score([replace(first, client_id=0)])  # no ClientID: held
        scored.upload()
        scored.score([])
        report = scored.upload()
        assert (report.withdrawn, report.withdrawn_sent) == (1, 0)

    def test_should_be_gone_from_the_count_when_they_are_back(self, sent: ScoredDay) -> None:
        everyone = [*sent.visits]
        sent.upload()
        sent.score([*everyone, *(one for one in sent.known_visits(5) if one not in everyone)])
        report = sent.upload()
        assert (report.sent, report.already_sent, report.withdrawn) == (0, 5, 0)
