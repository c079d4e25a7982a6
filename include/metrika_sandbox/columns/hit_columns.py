"""The columns of the hits source."""

from __future__ import annotations

import datetime as dt

import numpy as np

from include.metrika_sandbox.columns.dialect import Dialect, number_array
from include.metrika_sandbox.columns.field_spec import Render
from include.metrika_sandbox.columns.visit_columns import SITE_GOALS, device, goal_places
from include.metrika_sandbox.columns.vocabulary import CHANNELS, PATHS, SITE, TITLES, word_column
from include.metrika_sandbox.visitors.ids import to_text
from include.metrika_sandbox.visitors.views import HitView, VisitView
from include.metrika_sandbox.visitors.zones import DAY_SECONDS, date_texts, day_number, time_texts

VISIT_ID_SINCE = dt.date(2025, 10, 10)  # documented: the field holds data from this day only
URL_SALT, TITLE_SALT, KIND_SALT, CHANNEL_SALT = 41, 42, 43, 44
LINK, DOWNLOAD, ARTIFICIAL = 0, 1, 2  # places of the event kinds among 20


def visit_id(view: HitView, dialect: Dialect) -> list[str]:
    """``visitID``: 0 before 10 Oct 2025 and while the switch says empty."""
    texts = view.of_visit(to_text(view.block.heads.visit_ids))
    if dialect.pv_visit_id != "filled":
        return ["0"] * len(texts)
    is_known = view.local // DAY_SECONDS >= day_number(VISIT_ID_SINCE)
    if is_known.all():
        return texts
    return [text if flag else "0" for text, flag in zip(texts, is_known.tolist(), strict=True)]


def page_view_id(view: HitView, dialect: Dialect) -> list[str]:
    """``pageViewID``: number of the page view the event belongs to, inside the visit."""
    pages = np.cumsum(view.block.hit_is_page)
    before = np.concatenate([[0], pages])[view.block.offsets[view.owner]]
    return to_text(pages[view.places] - before)


def url(view: HitView, dialect: Dialect) -> list[str]:
    """``URL``."""
    return word_column(PATHS, view.choice(URL_SALT, len(PATHS)), dialect, prefix=SITE)


def title(view: HitView, dialect: Dialect) -> list[str]:
    """``title``."""
    return word_column(TITLES, view.choice(TITLE_SALT, len(TITLES)), dialect)


def event_kind(place: int, view: HitView) -> list[str]:
    """1 for the events of one kind that are not page views."""
    return to_text(((view.choice(KIND_SALT, 20) == place) & (view.is_page == 0)).astype(np.int64))


def not_bounce(view: HitView, dialect: Dialect) -> list[str]:
    """``notBounce``: the service event of a visit that lasted."""
    is_long = view.block.durations[view.owner] >= 15
    return to_text((is_long & (view.is_first == 0) & (view.is_page == 0)).astype(np.int64))


def goals(view: HitView, dialect: Dialect) -> list[str]:
    """``goalsID`` of the event, the same goals as those of its visit."""
    reached = np.zeros(len(view.block.hit_ids), dtype=np.int64)
    for places in goal_places(VisitView(view.block)):
        for number, place in enumerate(places):
            reached[place] = SITE_GOALS[number]
    return [number_array([number] if number else []) for number in reached[view.places].tolist()]


def client_id(view: HitView, dialect: Dialect) -> list[str]:
    """``clientID``."""
    return view.of_visit(to_text(view.block.heads.client_ids))


def user_hash(view: HitView, dialect: Dialect) -> list[str]:
    """``counterUserIDHash``."""
    return view.of_visit(to_text(view.block.heads.client_ids ^ np.uint64(0x5DEECE66D)))


def device_category(view: HitView, dialect: Dialect) -> list[str]:
    """``deviceCategory`` of the hit's visit."""
    return view.of_visit(device(VisitView(view.block), dialect))


def client_time_zone(view: HitView, dialect: Dialect) -> list[str]:
    """``clientTimeZone``: minutes from UTC."""
    return to_text((view.local - view.block.hit_epochs[view.places]) // 60)


def channels(salt: int, view: HitView, dialect: Dialect) -> list[str]:
    """A text field that holds an array: ``messenger``, ``recommendationSystem``."""
    encoded = [dialect.text_array(one, may_be_bare=True) for one in CHANNELS]
    return [encoded[place] for place in view.choice(CHANNEL_SALT + salt, len(CHANNELS)).tolist()]


def at_first_hit(render: Render) -> Render:
    """Show an array of the visit at its first hit; the other hits have none.

    Args:
        render: writes the field of every visit.

    Returns:
        Writes the field of every hit.
    """

    def shown(view: HitView, dialect: Dialect) -> list[str]:
        """The column as text."""
        texts = view.of_visit(render(VisitView(view.block), dialect))
        return [text if first else "[]" for text, first in zip(texts, view.is_first.tolist(), strict=True)]

    return shown


def counter_id(view: HitView, dialect: Dialect) -> list[str]:
    """``counterID``."""
    return [str(view.block.plan.counter_id)] * len(view.places)


def dates(view: HitView, dialect: Dialect) -> list[str]:
    """``date``, counter zone."""
    return date_texts(view.local)


def times(view: HitView, dialect: Dialect) -> list[str]:
    """``dateTime``, counter zone."""
    return time_texts(view.local)
