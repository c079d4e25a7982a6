"""The goal a conversion names must exist before anything is uploaded."""

from __future__ import annotations

import logging

from include.conversions.rules.statuses import GOAL_NOT_FOUND
from include.errors import InputError
from include.metrika.client.answers import AnswerLost
from include.metrika.client.conversions_api import ConversionsApi, find_goal

logger = logging.getLogger(__name__)


def ensure_goal(api: ConversionsApi, counter_id: int, target: str, *, create: bool) -> None:
    """Make sure that a counter has a goal, creating it only when asked to.

    Args:
        api: Metrika.
        counter_id: the counter.
        target: goal identifier.
        create: create the goal when it is missing.

    Raises:
        InputError: there is no such goal (code ``goal_not_found``).
        SourceRejected: Metrika refuses to show or create goals.
        SourceUnavailable: Metrika cannot be reached.
    """
    if find_goal(api.goals(counter_id), target) is not None:
        return
    if not create:
        raise InputError(
            f"Counter {counter_id} has no JavaScript-event goal with the identifier {target!r}; create it in Metrika, "
            "or set CONVERSION_CREATE_GOAL=1, and run the upload again.",
            code=GOAL_NOT_FOUND,
            pointer="/target",
        )
    try:
        api.create_goal(counter_id, target)
    except AnswerLost:
        if find_goal(api.goals(counter_id), target) is None:
            raise
    logger.info("goal created, counter %d, target %s", counter_id, target)
