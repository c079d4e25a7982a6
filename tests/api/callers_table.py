"""Who may call which route: the one table that the policies of the app and its answers are held to.

Marks: ``pub`` everybody; ``S`` ``T`` ``A`` accounts with role student, teacher, admin; ``U`` any of them; ``own`` the
account that owns what is asked for, others pass the gate and get 404 or 403 from the route; ``R`` any Airflow user;
``W:<dag>`` Airflow users with the edit right on that DAG; ``K:<scope>`` keys with that scope.
"""

from __future__ import annotations

from include.accounts.roles import ADMIN, ANYONE, STUDENT, TEACHER
from include.api.gate.policies import Operators, Policy

ROLES = {"S": {STUDENT}, "T": {TEACHER}, "A": {ADMIN}, "U": set(ANYONE), "own": set(ANYONE)}

TABLE = {
    ("POST", "/auth/register"): "pub W:housekeeping",
    ("POST", "/auth/signup"): "pub W:housekeeping",
    ("POST", "/auth/login"): "pub",
    ("POST", "/auth/signin"): "pub",
    ("POST", "/auth/refresh"): "pub",
    ("GET", "/auth/refresh"): "U",
    ("POST", "/auth/logout"): "U",
    ("GET", "/auth/me"): "U",
    ("PUT", "/auth/me/password"): "U",
    ("GET", "/auth/users"): "A R",
    ("PUT", "/auth/users/{user_id}/role"): "A W:housekeeping",
    ("PUT", "/auth/users/{user_id}/active"): "A W:housekeeping",
    ("GET", "/api/v1/courses/{course_id}"): "T A R",
    ("PUT", "/api/v1/courses/{course_id}"): "A W:learning_metrics",
    ("POST", "/api/v1/metrics/calculate"): "T A W:learning_metrics",
    ("GET", "/api/v1/metrics/user/{user_id}"): "T A R",
    ("GET", "/api/v1/metrics/restatements"): "T A R",
    ("GET", "/api/v1/metrics/cards"): "T A R",
    ("GET", "/api/v1/analytics/course/{course_id}"): "T A R",
    ("GET", "/api/v1/analytics/course/{course_id}/retention"): "T A R",
    ("GET", "/ui/metrics"): "R",
    ("POST", "/app/create"): "U W:event_loading",
    ("POST", "/app/create_event/{app_code}"): "own A W:event_loading",
    ("GET", "/apps"): "U R",
    ("GET", "/apps/{app_code}"): "own A R",
    ("PATCH", "/apps/{app_code}"): "own A W:event_loading",
    ("GET", "/apps/{app_code}/schema"): "own A R K:ingest",
    ("POST", "/apps/{app_code}/keys"): "own A W:event_loading",
    ("GET", "/apps/{app_code}/keys"): "own A R",
    ("POST", "/apps/{app_code}/keys/{key_id}/rotate"): "own A W:event_loading",
    ("DELETE", "/apps/{app_code}/keys/{key_id}"): "own A W:event_loading",
    ("POST", "/apps/{app_code}"): "K:ingest",
    ("POST", "/apps/{app_code}/batch"): "K:ingest",
    ("GET", "/apps/{app_code}/{event_code}"): "own A R K:stats:read",
    ("POST", "/api/v1/events"): "K:ingest U W:event_loading",
    ("POST", "/api/activities"): "K:ingest A W:event_loading",
    ("GET", "/api/activities"): "A R",
    ("GET", "/api/activities/{activity_id}"): "A R",
    ("GET", "/api/activities/{activity_id}/context/session_history"): "A R",
    ("GET", "/ui/events"): "R",
    ("GET", "/receipts/{receipt_id}"): "K:ingest own A R",
    ("GET", "/quarantine"): "own A R",
    ("POST", "/quarantine/replay"): "own A W:event_loading",
    ("POST", "/tasks"): "W:metrika_logs",
    ("GET", "/tasks/{task_id}/status"): "own R",
    ("GET", "/tasks/{task_id}/result"): "own R",
    ("GET", "/tasks/{task_id}/conversions"): "R",
    ("POST", "/conversions/bulk"): "W:conversion_upload",
    ("POST", "/conversions/single"): "W:conversion_upload",
    ("GET", "/conversions/{upload_id}/status"): "R",
    ("GET", "/conversions/passport"): "R",
    ("GET", "/models"): "R",
    ("GET", "/models/{name}/history"): "R",
    ("GET", "/models/{name}/versions/{version}"): "R",
    ("GET", "/models/{name}/versions/{version}/plots/{plot}"): "R",
    ("POST", "/models/{name}/promote"): "W:visit_model_training",
    ("POST", "/models/{name}/rollback"): "W:visit_model_training",
    ("GET", "/ui/models"): "R",
    ("GET", "/ui/models/{name}/{version}"): "R",
    ("GET", "/health"): "pub",
    ("GET", "/health/details"): "R",
    ("GET", "/openapi.json"): "R",
    ("GET", "/docs"): "R",
}


def policy_of(marks: str) -> Policy:
    """The policy that a row of the table asks for."""
    words = marks.split()
    roles = frozenset(role for word in words for role in ROLES.get(word, ()))
    anchor = next((word.partition(":")[2] for word in words if word.startswith("W:")), None)
    scope = next((word.partition(":")[2] for word in words if word.startswith("K:")), None)
    if "pub" in words:
        return Policy(is_public=True, anchor_dag=anchor)
    operators = Operators.WRITE if anchor else Operators.READ if "R" in words else Operators.NONE
    return Policy(operators=operators, anchor_dag=anchor, roles=roles, scope=scope)


def is_open_to(marks: str, *, role: str = "", scope: str = "", is_operator: bool = False, writes: bool = False) -> bool:
    """Whether the gate lets a caller pass."""
    words = marks.split()
    if "pub" in words or (scope and f"K:{scope}" in words) or (is_operator and "R" in words):
        return True
    if writes and any(word.startswith("W:") for word in words):
        return True
    return any(role in ROLES[word] for word in words if role and word in ROLES)
