"""Who does something to accounts, and whether they may hand out roles."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Actor:
    """Who acts.

    Attributes:
        name: ``account:<id>``, ``airflow:<name>``, ``command``, or empty for nobody known.
        may_grant: an active admin, an operator with write on ``housekeeping``, or the command line.
        address: network address of the caller, when known.
    """

    name: str = ""
    may_grant: bool = False
    address: str = ""


COMMAND = Actor("command", may_grant=True)


def account_name(user_id: str) -> str:
    """How an account is named as an actor.

    Args:
        user_id: the account.

    Returns:
        ``account:<id>``.
    """
    return f"account:{user_id}"
