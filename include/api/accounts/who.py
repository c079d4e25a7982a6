"""Who asks, as the accounts record it."""

from __future__ import annotations

from fastapi import Request

from include.accounts.actors import Actor
from include.accounts.roles import ADMIN
from include.accounts.tokens import Session
from include.api.gate.callers import Caller


def address_of(request: Request) -> str:
    """Give the network address a request came from.

    Args:
        request: the request.

    Returns:
        The address of the peer; empty when unknown. A proxy is seen through only when the API server is told to.
    """
    return request.client.host if request.client else ""


def actor_of(request: Request) -> Actor:
    """Say who acts, and whether they may hand out roles.

    Args:
        request: the request; its caller may be nobody known.

    Returns:
        The actor.
    """
    caller: Caller | None = request.state.caller
    if caller is None:
        return Actor(address=address_of(request))
    return Actor(caller.name, may_grant=caller.may_write or caller.role == ADMIN, address=address_of(request))


def session_of(request: Request) -> Session:
    """Give the session of a signed-in account.

    Args:
        request: a request that only accounts may make.

    Returns:
        The session.
    """
    session: Session = request.state.caller.handle
    return session
