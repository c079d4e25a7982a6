from __future__ import annotations

import datetime as dt
from dataclasses import replace

import numpy as np

from include.conversions.ledger.visit_statuses import visit_statuses
from include.days import utc_now
from tests.conversion_days import ScoredDay, Visit


def statuses(scored: ScoredDay, visits: list[Visit], now: dt.datetime | None = None, **settings: object) -> list[str]:
    found = visit_statuses(
        scored.state,
        replace(scored.settings, **settings),
        now or utc_now(),
        counter_id=scored.counter_id,
        visit_ids=np.array([one.visit_id for one in visits], np.uint64),
        client_ids=np.array([one.client_id for one in visits], np.uint64),
        event_epochs=np.array([one.epoch for one in visits], np.int64),
    )
    return list(found.tolist())


class TestVisitStatuses:
    def test_should_say_that_they_can_be_sent_when_nothing_was(self, scored: ScoredDay) -> None:
        assert statuses(scored, scored.visits) == ["can_be_sent"] * 5

    def test_should_say_sent_when_they_were(self, scored: ScoredDay) -> None:
        scored.upload()
        assert statuses(scored, scored.visits) == ["sent"] * 5

    def test_should_tell_withdrawn_ones_when_they_were_sent_before(self, scored: ScoredDay) -> None:
        scored.upload()
        everyone = list(scored.visits)
        scored.score(everyone[1:])
        scored.upload()
        assert statuses(scored, everyone) == ["sent_before"] + ["sent"] * 4

    def test_should_keep_the_order_of_the_question(self, scored: ScoredDay) -> None:
        scored.score(scored.visits[:2])
        scored.upload()
        asked = [*scored.known_visits(5)[::-1]]
        assert statuses(scored, asked) == ["can_be_sent"] * 3 + ["sent"] * 2

    def test_should_say_same_moment_when_another_visit_of_that_second_was_sent(self, scored: ScoredDay) -> None:
        scored.upload()
        twin = replace(scored.visits[0], visit_id=scored.visits[0].visit_id + 100)
        assert statuses(scored, [twin]) == ["same_moment"]

    def test_should_say_why_when_a_visit_cannot_be_sent(self, scored: ScoredDay) -> None:
        one = scored.visits[0]
        later = utc_now() + dt.timedelta(days=30)
        assert statuses(scored, [replace(one, client_id=0)]) == ["no_identifier"]
        assert statuses(scored, [one], later) == ["outside_match_window"]
        assert statuses(scored, [replace(one, epoch=int(utc_now().timestamp()) + 900)]) == ["future_time"]

    def test_should_ask_the_ledger_of_the_target_only(self, scored: ScoredDay) -> None:
        scored.upload()
        assert statuses(scored, scored.visits, target="another") == ["can_be_sent"] * 5

    def test_should_look_again_when_a_visit_was_held(self, scored: ScoredDay) -> None:
        held = replace(scored.visits[0], client_id=0)
        scored.score([held])
        scored.upload()
        assert statuses(scored, [held]) == ["no_identifier"]

    def test_should_answer_nothing_when_nobody_is_asked_about(self, scored: ScoredDay) -> None:
        assert statuses(scored, []) == []
