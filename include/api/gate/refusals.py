"""From the product's errors and the framework's to answers."""

from __future__ import annotations

import logging

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from include.api.gate.problems import INTERNAL_DETAIL, Invalid, Refusal, invalid
from include.errors import (
    ConfigError,
    CredentialsRefused,
    InputError,
    QuotaExceeded,
    SourceRejected,
    SourceUnavailable,
    StoreBusy,
    StoreUnavailable,
    TooManyRequests,
)

logger = logging.getLogger(__name__)

RETRY_SECONDS = 5  # stores and sources that went away are mostly back soon
LONGEST_MESSAGE_CHARS = 500
STATUSES = {
    "invalid_json": 400,
    "app_exists": 400,
    "role_not_allowed": 403,
    "registration_closed": 403,
    "course_not_yours": 403,
    "account_unknown": 404,
    "app_unknown": 404,
    "course_unknown": 404,
    "event_unknown": 404,
    "key_unknown": 404,
    "project_unknown": 404,
    "alias_taken": 409,
    "already_sent": 409,
    "email_taken": 409,
    "incompatible_schema": 409,
    "key_not_active": 409,
    "last_admin": 409,
    "refresh_race": 409,
    "still_sending": 409,
    "too_many_events": 409,
    "too_many_keys": 409,
    "batch_too_large": 413,
    "body_too_large": 413,
}  # of wrong input; all other codes answer 422
WAITS_SECONDS = {"still_sending": RETRY_SECONDS, "refresh_race": 1}


def refusal_of(error: Exception) -> Refusal:
    """Decide what a caller is told about an error.

    Args:
        error: what was raised.

    Returns:
        The refusal; of unforeseen errors nothing but that there was one.
    """
    if isinstance(error, Refusal):
        return error
    if isinstance(error, RequestValidationError):
        return Invalid([_fault(fault) for fault in error.errors()])
    if isinstance(error, InputError):
        return _of_input(error)
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, "validation", str(error.detail), headers=error.headers)
    return _of_trouble(error)


def _of_input(error: InputError) -> Refusal:
    if isinstance(error, CredentialsRefused):
        return Refusal(401, error.code, error.message, headers={"WWW-Authenticate": "Bearer"})
    if error.code in STATUSES:
        wait = WAITS_SECONDS.get(error.code)
        return Refusal(STATUSES[error.code], error.code, error.message, retry_after_seconds=wait)
    return invalid(error.pointer, error.message[:LONGEST_MESSAGE_CHARS], error.code)


def _of_trouble(error: Exception) -> Refusal:
    if isinstance(error, StoreUnavailable | PoolTimeout):
        logger.warning("request refused: %s", error)
        return Refusal(
            503, "unavailable", "The service cannot answer right now; try again.", retry_after_seconds=RETRY_SECONDS
        )
    if isinstance(error, TooManyRequests):
        return Refusal(429, error.code, error.message, retry_after_seconds=error.wait_seconds)
    if isinstance(error, StoreBusy):
        logger.warning("request refused: %s", error)
        return Refusal(503, error.code, error.message, retry_after_seconds=error.wait_seconds)
    if isinstance(error, QuotaExceeded):
        return Refusal(503, "quota", error.message, retry_after_seconds=error.wait_seconds)
    if isinstance(error, SourceUnavailable):
        return Refusal(503, "unavailable", error.message, retry_after_seconds=RETRY_SECONDS)
    if isinstance(error, SourceRejected):
        return invalid("/counter", error.message[:LONGEST_MESSAGE_CHARS], "source_rejected")
    if isinstance(error, ConfigError):
        logger.error("request refused: %s", error)
        return Refusal(
            503,
            "not_configured",
            "The service is not set up completely; its log names the setting.",
            retry_after_seconds=RETRY_SECONDS,
        )
    return Refusal(500, "internal", INTERNAL_DETAIL)


def _fault(fault: dict[str, object]) -> dict[str, object]:
    """Keep what names the fault; the value itself may be a secret."""
    kind = "unknown_field" if fault["type"] == "extra_forbidden" else fault["type"]
    message = "This field is not known here." if kind == "unknown_field" else fault["msg"]
    return {"loc": fault["loc"], "msg": message, "type": kind}
