"""A school: two courses with a teacher each, learners with events, and the API over their stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import insert

from include.accounts.scopes import SCOPES
from include.metrics.recalculating.job import recalculate
from include.metrics.recalculating.orders import Order
from include.services.engines.endpoints import Endpoints
from include.state.tables import DEFAULT_PROJECT_NUMBER, identities, persons
from tests.api_client import EDITOR, VIEWER, Api, InMemoryOrchestrator, Person
from tests.metric_events import Learned, LearningStores, golden_events, own_learning, person_id, random_events

OWN, FOREIGN, ABSENT = "c1", "c2", "nothing"  # courses, seen by the teacher of the first
WEEK = {"period_start": "2025-03-03", "period_end": "2025-03-10"}


@dataclass
class School:
    """Courses c1 and c2 of the project default; u1 learns in both, u2 in c2 alone."""

    api: Api
    stores: LearningStores
    teacher: Person
    other_teacher: Person
    tokens: dict[str, str]

    def get(self, path: str, *, caller: str = "viewer", **params: Any) -> Any:
        """Ask for something of the golden week."""
        return self.api.get(path, token=self.tokens[caller], params={**WEEK, **params})

    def calculate(self, *, caller: str = "operator", headers: dict[str, str] | None = None, **changes: Any) -> Any:
        """Have the golden week of a course calculated."""
        body = {"course_id": OWN, **WEEK, **changes}
        return self.api.post("/api/v1/metrics/calculate", token=self.tokens[caller], json=body, headers=headers or {})

    def learn(self, *events: Learned) -> None:
        """Load events, with the people in them."""
        self.stores.put(events)
        self.know(*{event.user for event in events})

    def recalculate(self, run_id: str = "scheduled", **order: Any) -> None:
        """Run the job as the DAG does."""
        stores = self.stores
        recalculate(stores.warehouse, stores.state, stores.settings, Order(**order), run_id=run_id)

    def know(self, *users: str, project_number: int = DEFAULT_PROJECT_NUMBER, project: str = "default") -> None:
        """Register people as a load does."""
        with self.stores.state.begin() as connection:
            for user in users:
                one = person_id(user, project)
                if connection.execute(persons.select().where(persons.c.person_id == one)).first():
                    continue
                known = {"person_id": one, "project_number": project_number}
                connection.execute(insert(persons).values(**known, first_seen_at="2025-03-03T00:00:00Z"))
                connection.execute(insert(identities).values(**known, namespace="user_id", external_id=user))


@pytest.fixture(scope="module")
def learning(endpoints: Endpoints) -> Iterator[LearningStores]:
    with own_learning(endpoints) as stores:
        yield stores


@pytest.fixture(scope="module")
def school(learning: LearningStores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    local = tmp_path_factory.mktemp("school")
    api = Api(InMemoryOrchestrator(), {**learning.environ, "COUNTERFLOW_LOCAL_DIR": str(local)})
    teacher, other, student = api.person("teacher"), api.person("teacher"), api.person()
    tokens = {
        "teacher": teacher.token,
        "other teacher": other.token,
        "student": student.token,
        "admin": api.person("admin").token,
        "key": api.key(api.app_code(), *SCOPES),
        "viewer": VIEWER,
        "operator": EDITOR,
    }
    found = School(api, learning, teacher, other, tokens)
    for course, person in ((OWN, teacher), (FOREIGN, other)):
        answer = api.put(f"/api/v1/courses/{course}", json={"teachers": [person.user_id], "timezone": "UTC"})
        assert answer.status_code == 200, answer.text
    found.learn(*golden_events(), *random_events(7, users=2, course=FOREIGN))
    found.recalculate()
    yield found
    api.close()


def said(answer: Any) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status_code, answer.json()["code"]
