"""What housekeeping forgets of tokens, and what it must keep."""

from __future__ import annotations

from sqlalchemy import func, select

from include.accounts.purging import purge_tokens
from include.state.tables import login_failures, refresh_tokens, token_families
from tests.account_days import People, new_email, refusal


def counts(people: People) -> tuple[int, int, int]:
    tables = (token_families, refresh_tokens, login_failures)
    with people.engine.connect() as connection:
        families, tokens, failures = (
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
        )
    return families, tokens, failures


class TestPurgeTokens:
    def purge(self, people: People, **passed: float) -> dict[str, int]:
        return purge_tokens(people.engine, people.settings, now=people.later(**passed).now)

    def test_should_forget_everything_in_time_when_it_ended(self, people: People) -> None:
        account = people.register()
        people.refresh(people.start(account).refresh_token)
        people.start(account)
        refusal(people.sign_in, new_email())
        assert counts(people) == (2, 3, 1)
        assert self.purge(people, minutes=14) == {"families": 0, "refresh_tokens": 0, "login_failures": 0}
        assert self.purge(people, minutes=15)["login_failures"] == 1
        assert self.purge(people, days=7, hours=1)["refresh_tokens"] == 2
        assert counts(people) == (2, 1, 0)
        assert self.purge(people, days=30)["families"] == 0
        assert self.purge(people, days=30, hours=1)["families"] == 2
        assert counts(people) == (0, 0, 0)

    def test_should_still_notice_a_reuse_when_purged_meanwhile(self, people: People) -> None:
        first = people.start(people.register())
        later = people.later(days=6)
        second = later.refresh(first.refresh_token)
        later = later.later(days=6)
        third = later.refresh(second.refresh_token)
        purge_tokens(people.engine, people.settings, now=later.now)
        assert refusal(later.refresh, first.refresh_token) == "refresh_reused"
        assert refusal(later.refresh, third.refresh_token) == "invalid_refresh"

    def test_should_keep_live_sessions_when_run_twice(self, people: People) -> None:
        pair = people.start(people.register())
        for _ in range(2):
            purge_tokens(people.engine, people.settings, now=people.now)
        assert refusal(people.refresh, pair.refresh_token) == ""
