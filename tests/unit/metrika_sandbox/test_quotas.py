"""The quota keeper: per second, in flight, per day (M24)."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from include.errors import SourceRejected
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.behaviour.quotas import IN_FLIGHT_PER_LOGIN, PER_DAY, QuotaKeeper

EVENING = dt.datetime(2025, 11, 4, 23, 59, tzinfo=dt.UTC)


class Keeper:
    """A quota keeper whose clock and switches a test moves."""

    def __init__(self, **faults: object) -> None:
        self.now = EVENING
        self.faults = dataclasses.replace(Faults(), **faults)  # type: ignore[arg-type]
        self.quotas = QuotaKeeper(lambda: self.faults, lambda: self.now)

    def ask(self, *, address: str = "a", login: str = "me", counter: int = 101, is_logs: bool = False) -> str:
        """One whole request; the reason when it is refused."""
        try:
            self.quotas.enter(address, login, counter, is_logs=is_logs)
        except SourceRejected as error:
            return str(error.error_type)
        self.quotas.leave(login)
        return ""


class TestPerSecond:
    def test_should_allow_ten_logs_requests_at_once(self) -> None:
        keeper = Keeper()
        assert [keeper.ask(is_logs=True) for _ in range(11)] == [""] * 10 + ["quota_requests_by_ip"]

    def test_should_allow_thirty_others_beside_them(self) -> None:
        keeper = Keeper()
        assert [keeper.ask() for _ in range(31)] == [""] * 30 + ["quota_requests_by_ip"]
        assert keeper.ask(is_logs=True) == ""

    def test_should_count_every_address_alone(self) -> None:
        keeper = Keeper()
        assert [keeper.ask(address=str(place), is_logs=True) for place in range(15)] == [""] * 15


class TestInFlight:
    def test_should_allow_three_for_each_login(self) -> None:
        keeper = Keeper()
        for _ in range(IN_FLIGHT_PER_LOGIN):
            keeper.quotas.enter("a", "me", 101, is_logs=False)
        assert (keeper.ask(), keeper.ask(login="other")) == ("quota_parallel_requests", "")

    def test_should_allow_the_next_when_one_has_left(self) -> None:
        keeper = Keeper()
        for _ in range(IN_FLIGHT_PER_LOGIN):
            keeper.quotas.enter("a", "me", 101, is_logs=False)
        keeper.quotas.leave("me")
        assert keeper.ask() == ""

    def test_should_remember_the_most_there_were(self) -> None:
        keeper = Keeper()
        keeper.quotas.enter("a", "me", 101, is_logs=False)
        keeper.ask()
        assert keeper.quotas.most_in_flight["me"] == 2


class TestPerDay:
    def test_should_begin_anew_at_midnight_gmt(self) -> None:
        keeper = Keeper(daily_used=PER_DAY - 1)
        before = [keeper.ask() for _ in range(2)]
        keeper.now += dt.timedelta(minutes=2)
        assert (before, keeper.ask()) == (["", "quota_requests_by_uid"], "")

    def test_should_count_by_login_and_by_counter(self) -> None:
        keeper = Keeper()
        keeper.ask()
        keeper.ask(login="other")
        assert keeper.quotas.used_today() == {"login me": 1, "login other": 1, "counter 101": 2}

    def test_should_not_count_what_it_refused(self) -> None:
        keeper = Keeper(daily_used=PER_DAY)
        keeper.ask()
        assert keeper.quotas.used_today() == {}


class TestRefusal:
    @pytest.mark.parametrize("status", [403, 420, 429])
    def test_should_carry_the_status_switched_on(self, status: int) -> None:
        keeper = Keeper(quota_status=status, daily_used=PER_DAY)
        with pytest.raises(SourceRejected) as caught:
            keeper.quotas.enter("a", "me", 101, is_logs=False)
        assert caught.value.status == status

    def test_should_refuse_nothing_when_off_and_still_count(self) -> None:
        keeper = Keeper(quota_enforced=False, daily_used=PER_DAY)
        assert [keeper.ask(is_logs=True) for _ in range(50)] == [""] * 50
        assert keeper.quotas.used_today()["login me"] == 50
