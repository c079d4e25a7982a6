"""The definitions behind stored values."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from sqlalchemy import Engine
from sqlalchemy.dialects.postgresql import insert

from include.metrics.catalogue.card import Card
from include.state.engine import reachable
from include.state.tables import metric_cards


def store_cards(engine: Engine, cards: Iterable[Card], *, now: dt.datetime) -> None:
    """Keep the cards that values are about to refer to; a card that is there already stays as it is.

    In a transaction of its own, so that courses which share a card do not wait for each other.

    Args:
        engine: the state engine.
        cards: the cards.
        now: aware.

    Raises:
        StoreUnavailable: PostgreSQL cannot be reached.
    """
    rows = [
        {
            "card_digest": card.digest,
            "metric": str(card.metric),
            "version": card.version,
            "card": card.document(),
            "created_at": now,
        }
        for card in cards
    ]
    ordered = sorted(rows, key=lambda row: str(row["card_digest"]))  # two writers never wait for each other
    with reachable(engine), engine.begin() as connection:
        if ordered:
            connection.execute(insert(metric_cards).on_conflict_do_nothing(), ordered)
