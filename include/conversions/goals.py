"""The goal a conversion names must exist before anything is uploaded."""

from __future__ import annotations

import logging

from include.errors import InputError
from include.metrika.conversions_api import ConversionsApi

logger = logging.getLogger(__name__)


class GoalMissing(InputError):
    """The counter has no JavaScript-event goal with this identifier."""


def ensure_goal(api: ConversionsApi, counter_id: int, target: str, *, create: bool) -> None:
    """Make sure that a counter has a goal, creating it only when asked to.

    Args:
        api: Metrika.
        counter_id: the counter.
        target: goal identifier.
        create: create the goal when it is missing.

    Raises:
        GoalMissing: there is no such goal (code ``goal_not_found``).
        SourceRejected: Metrika refuses to show or create goals.
        SourceUnavailable: Metrika cannot be reached.
    """
    if any(target in goal.targets for goal in api.goals(counter_id)):
        return
    if not create:
        raise GoalMissing(
            f"Counter {counter_id} has no JavaScript-event goal with the identifier {target!r}; create it in Metrika, "
            "or set CONVERSION_CREATE_GOAL=1, and run the upload again.",
            code="goal_not_found",
            pointer="/target",
        )
    api.create_goal(counter_id, target)
    logger.info("goal created, counter %d, target %s", counter_id, target)
