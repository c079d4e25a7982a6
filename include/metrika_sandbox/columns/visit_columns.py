"""The columns of the visits source."""

from __future__ import annotations

import itertools

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect, number_array
from include.metrika_sandbox.columns.vocabulary import CHANNELS, PATHS, REFERERS, SITE, word_column
from include.metrika_sandbox.visitors.ids import to_text
from include.metrika_sandbox.visitors.views import VisitView, click_ids, user_ids
from include.metrika_sandbox.visitors.zones import UTC_PLUS_3_SECONDS, date_texts, local_seconds, time_texts

MAX_WATCH_IDS = 500
SITE_GOALS = (3001, 3002, 3003)  # cart, order, subscription
GOAL_CURRENCIES = ("", "RUB", "RUB")
PATH_SALT, REFERER_SALT, GOAL_SALT, CHANNEL_SALT = 21, 22, 23, 24


def watch_ids(view: VisitView, dialect: Dialect) -> list[str]:
    """``watchIDs``: the first 500 hits of each visit, in no order."""
    texts = to_text(view.block.hit_ids)
    ends = view.block.offsets.tolist()
    return [
        "[" + ",".join(texts[start : min(end, start + MAX_WATCH_IDS)][::-1]) + "]"
        for start, end in itertools.pairwise(ends)
    ]


def start_url(view: VisitView, dialect: Dialect) -> list[str]:
    """``startURL``, with the click's Yclid after an ad."""
    urls = word_column(PATHS, view.choice(PATH_SALT, len(PATHS)), dialect, prefix=SITE)
    clicks = click_ids(view.block.heads)
    return [f"{SITE}/sale?yclid={click}" if click else url for url, click in zip(urls, clicks, strict=True)]


def end_url(view: VisitView, dialect: Dialect) -> list[str]:
    """``endURL``."""
    return word_column(PATHS, view.choice(PATH_SALT + 100, len(PATHS)), dialect, prefix=SITE)


def referer(view: VisitView, dialect: Dialect) -> list[str]:
    """``referer``."""
    return word_column(REFERERS, view.choice(REFERER_SALT, len(REFERERS)), dialect)


def bounce(view: VisitView, dialect: Dialect) -> list[str]:
    """``bounce``: one page at most and under 15 seconds."""
    is_bounce = (view.block.page_views <= 1) & (view.block.durations < 15)
    return to_text(is_bounce.astype(np.int64))


def device(view: VisitView, dialect: Dialect) -> list[str]:
    """``deviceCategory``: 1 to 4, or empty."""
    return ["" if number == 0 else str(number) for number in view.block.sessions.devices.tolist()]


def date_time_utc(view: VisitView, dialect: Dialect) -> list[str]:
    """``dateTimeUTC``: documented as UTC+3 despite its name."""
    return time_texts(view.block.heads.start_epochs + UTC_PLUS_3_SECONDS)


def client_time_zone(view: VisitView, dialect: Dialect) -> list[str]:
    """``clientTimeZone``: minutes from UTC."""
    starts = view.block.heads.start_epochs
    return to_text((local_seconds(starts, view.block.plan.zone) - starts) // 60)


def goal_places(view: VisitView) -> list[list[int]]:
    """Places of the hits that reached a goal, for each visit."""
    wanted = np.where(view.block.page_views >= 2, view.choice(GOAL_SALT, 4), 0)
    counts = np.minimum(np.minimum(wanted, 3), view.hit_counts).tolist()
    return [
        list(range(start, start + count)) for start, count in zip(view.block.offsets.tolist(), counts, strict=False)
    ]


def goal_ids(view: VisitView, dialect: Dialect) -> list[str]:
    """``goalsID``."""
    return [number_array(SITE_GOALS[: len(places)]) for places in goal_places(view)]


def goal_serials(view: VisitView, dialect: Dialect) -> list[str]:
    """``goalsSerialNumber``."""
    return [number_array(range(1, len(places) + 1)) for places in goal_places(view)]


def goal_times(view: VisitView, dialect: Dialect) -> list[str]:
    """``goalsDateTime``, UTC+3."""
    lists = goal_places(view)
    wanted = np.array([place for places in lists for place in places], dtype=np.int64)
    texts = iter(time_texts(view.block.hit_epochs[wanted] + UTC_PLUS_3_SECONDS))
    return [dialect.time_array([next(texts) for _ in places]) for places in lists]


def goal_prices(view: VisitView, dialect: Dialect) -> list[str]:
    """``goalsPrice``: value times 1000."""
    return [number_array(1000 * 250 * place for place in range(len(places))) for places in goal_places(view)]


def goal_orders(view: VisitView, dialect: Dialect) -> list[str]:
    """``goalsOrder``: mostly unknown elements."""
    return [dialect.text_array([""] * len(places), may_be_bare=True) for places in goal_places(view)]


def goal_currencies(view: VisitView, dialect: Dialect) -> list[str]:
    """``goalsCurrency``."""
    return [dialect.text_array(GOAL_CURRENCIES[: len(places)], may_be_bare=True) for places in goal_places(view)]


def channels(salt: int, view: VisitView, dialect: Dialect) -> list[str]:
    """A text field that holds an array: ``Messenger``, ``RecommendationSystem``."""
    encoded = [dialect.text_array(one, may_be_bare=True) for one in CHANNELS]
    return [encoded[place] for place in view.choice(CHANNEL_SALT + salt, len(CHANNELS)).tolist()]


def param_keys(level: int, view: VisitView, dialect: Dialect) -> list[str]:
    """``parsedParamsKey1…10``: the site sends the user id of logged-in visitors."""
    users = user_ids(view.block.heads)
    if level > 2:
        return [dialect.text_array([""] if user else []) for user in users]
    return [dialect.text_array(["user_id" if level == 1 else user] if user else []) for user in users]


def counter_id(view: VisitView, dialect: Dialect) -> list[str]:
    """``counterID``."""
    return [str(view.block.plan.counter_id)] * len(view.ids)


def user_hash(view: VisitView, dialect: Dialect) -> list[str]:
    """``counterUserIDHash``."""
    return to_text(view.block.heads.client_ids ^ np.uint64(0x5DEECE66D))


def dates(view: VisitView, dialect: Dialect) -> list[str]:
    """``date``, counter zone."""
    return date_texts(view.local_starts)


def times(view: VisitView, dialect: Dialect) -> list[str]:
    """``dateTime``, counter zone."""
    return time_texts(view.local_starts)
