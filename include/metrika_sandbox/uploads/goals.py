"""Goals of the counters: those of the site and those made over the API."""

from __future__ import annotations

import threading

from include.metrika_sandbox.behaviour.answers import Json
from include.metrika_sandbox.columns.visit_columns import SITE_GOALS

FIRST_ACTION_GOAL_ID = 4001
SITE_GOAL_NAMES = ("Cart", "Order", "Subscription")


class GoalStore:
    """Goals by counter.

    Args:
        targets: identifiers of the JavaScript goals every counter starts with.
    """

    def __init__(self, targets: tuple[str, ...]) -> None:
        self._targets = targets
        self._lock = threading.Lock()
        self._goals: dict[int, list[Json]] = {}

    def all(self, counter_id: int) -> list[Json]:
        """Every goal of a counter, as the API shows goals."""
        with self._lock:
            if counter_id not in self._goals:
                self._goals[counter_id] = self._first_goals()
            return list(self._goals[counter_id])

    def restore(self, goals: dict[int, list[Json]]) -> None:
        """Take over the goals of an earlier process."""
        with self._lock:
            self._goals.update(goals)

    def add(self, counter_id: int, name: str, goal_type: str, conditions: list[Json]) -> Json:
        """Add a goal and give it a number."""
        known = self.all(counter_id)
        goal = _goal(max([FIRST_ACTION_GOAL_ID - 1, *(one["id"] for one in known)]) + 1, name, goal_type, conditions)
        with self._lock:
            self._goals[counter_id].append(goal)
        return goal

    def targets(self, counter_id: int) -> frozenset[str]:
        """Identifiers that a conversion may name: action goals with an exact condition."""
        return frozenset(
            condition["url"]
            for goal in self.all(counter_id)
            if goal["type"] == "action"
            for condition in goal["conditions"]
            if condition["type"] == "exact"
        )

    def _first_goals(self) -> list[Json]:
        site = [
            _goal(number, name, "url", [{"type": "contain", "url": f"/{name.lower()}"}])
            for number, name in zip(SITE_GOALS, SITE_GOAL_NAMES, strict=True)
        ]
        actions = [
            _goal(FIRST_ACTION_GOAL_ID + place, f"Offline {target}", "action", [{"type": "exact", "url": target}])
            for place, target in enumerate(self._targets)
        ]
        return site + actions


def _goal(goal_id: int, name: str, goal_type: str, conditions: list[Json]) -> Json:
    return {
        "id": goal_id,
        "name": name,
        "type": goal_type,
        "default_price": 0.0,
        "is_retargeting": 0,
        "goal_source": "user",
        "is_favorite": 0,
        "conditions": conditions,
    }
