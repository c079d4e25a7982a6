"""Settings of the local Metrika."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

from include.days import utc_now, zone_of
from include.errors import ConfigError, InputError
from include.metrika_sandbox.behaviour.faults import Faults

DEMO_TOKEN = "sandbox-token"
DEMO_LOGIN = "sandbox"
STORE_BYTES = 10_737_418_240  # documented room for prepared logs of one counter
MAX_FIELDS_CHARACTERS = 3000  # documented limit of `fields`
MAX_PERIOD_DAYS = 366  # documented: one year
AGE_DAYS = 300  # of a counter; programs that load its history in one go stay within one year
VISIT_THRESHOLD_SECONDS = 1800  # Metrika's default visit time-out


@dataclass(frozen=True)
class CounterConfig:
    """One counter of the sandbox.

    Attributes:
        counter_id: the number in the path.
        zone_name: IANA zone of its days.
        visits_per_day: visits of each day; None takes the sandbox's figure.
        name: site name shown by the counter endpoint.
        logins: logins with access; empty lets every login in.
        created_date: day the counter was made; None is so many days ago that one log can still span its whole life.
    """

    counter_id: int
    zone_name: str = "Europe/Moscow"
    visits_per_day: int | None = None
    name: str = "Demo shop"
    logins: tuple[str, ...] = ()
    created_date: dt.date | None = None

    def created_on(self, now: dt.datetime) -> dt.date:
        """The day the counter was made, in its own zone.

        Args:
            now: aware.

        Returns:
            The day.
        """
        return self.created_date or now.astimezone(self.zone).date() - dt.timedelta(days=AGE_DAYS)

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the counter's days."""
        return zone_of(self.zone_name)


DEFAULT_COUNTERS = (CounterConfig(101, "Europe/Moscow"), CounterConfig(202, "America/New_York"))


@dataclass(frozen=True)
class SandboxConfig:
    """Everything that decides what the sandbox serves and how.

    Attributes:
        counters: the counters that exist.
        token: demo token of the demo login; any other token is refused.
        login: user name behind the token, the key of the quotas.
        more_tokens: further tokens -> logins that see the same counters.
        visits_per_day: visits of one counter-day.
        rows_per_part: rows of one part of a prepared log.
        parts: number of parts of each log; None cuts by rows_per_part.
        seed: traffic of the same seed, counter and day is the same in every process.
        queue_seconds: time a new log request waits before it is ready, at least.
        status_seconds: time an upload takes from PREPARED to its final status.
        goal_targets: identifiers of the JavaScript goals that exist from the start.
        empty_dates: days without a single visit.
        faults: what goes wrong.
        state_dir: folder that keeps uploads and goals over restarts; None keeps them in memory.
        visits_file: TSV or CSV of visits to serve instead of seeded traffic.
        hits_file: TSV or CSV of hits that belongs to visits_file.
        clock: aware UTC "now"; tests put their own here.
    """

    counters: tuple[CounterConfig, ...] = DEFAULT_COUNTERS
    token: str = DEMO_TOKEN
    login: str = DEMO_LOGIN
    more_tokens: Mapping[str, str] = field(default_factory=dict)
    visits_per_day: int = 1000
    rows_per_part: int = 50_000
    parts: int | None = None
    seed: int = 180_5_5
    queue_seconds: float = 0.2
    status_seconds: float = 0.5
    goal_targets: tuple[str, ...] = ("4plus",)
    empty_dates: frozenset[dt.date] = frozenset()
    faults: Faults = field(default_factory=Faults)
    state_dir: Path | None = None
    visits_file: Path | None = None
    hits_file: Path | None = None
    clock: Callable[[], dt.datetime] = utc_now

    def counter(self, counter_id: int) -> CounterConfig | None:
        """Find a counter by number; None when it does not exist."""
        return next((counter for counter in self.counters if counter.counter_id == counter_id), None)

    def visits_of(self, counter_id: int, day: dt.date) -> int:
        """How many seeded visits a counter-day has."""
        counter = self.counter(counter_id)
        if counter is None or day in self.empty_dates:
            return 0
        return self.visits_per_day if counter.visits_per_day is None else counter.visits_per_day


def parse_counters(text: str) -> tuple[CounterConfig, ...]:
    """Read counters from the command line.

    Args:
        text: ``101:Europe/Moscow,202:America/New_York``; the zone may be left out.

    Returns:
        The counters in order.

    Raises:
        ConfigError: a counter is not a positive number or its zone is unknown.

    >>> [counter.zone_name for counter in parse_counters("7:Europe/Berlin,8")]
    ['Europe/Berlin', 'Europe/Moscow']
    """
    counters = []
    for item in filter(None, (piece.strip() for piece in text.split(","))):
        number, _, zone_name = item.partition(":")
        if not number.isdigit() or int(number) == 0:
            raise ConfigError(f"--counters: {item!r} is not a counter; write NUMBER:ZONE, such as 101:Europe/Moscow.")
        counter = CounterConfig(int(number), zone_name or "Europe/Moscow")
        try:
            zone_of(counter.zone_name)
        except InputError as error:
            raise ConfigError(f"--counters: {error.message}") from None
        counters.append(counter)
    if not counters:
        raise ConfigError("--counters: name at least one counter, such as 101:Europe/Moscow.")
    return tuple(counters)
