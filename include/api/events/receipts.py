"""Route of receipts."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from include.accounts.roles import ANYONE
from include.accounts.scopes import INGEST
from include.api.context import ApiContext
from include.api.events.answers import written
from include.api.events.shapes import ReceiptView
from include.api.gate.callers import Caller, CallerKind
from include.api.gate.policies import READ, Rules
from include.api.gate.problems import not_found
from include.api.gate.routing import Routes
from include.events.intake.receipts import Receipt, read_receipt


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    routes.add(
        "GET",
        "/receipts/{receipt_id}",
        Receipts(context).receipt,
        Rules(READ.also(roles=ANYONE, scope=INGEST)),
        errors=(404,),
        response_model=ReceiptView,
        summary="What became of a batch",
        tags=["events"],
    )


class Receipts:
    """Endpoint of receipts.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def receipt(self, request: Request, receipt_id: str) -> dict[str, Any]:
        """Say whether the accepted events of a batch can be read yet; for its sender, the owner and operators."""
        found = read_receipt(self._context.stores.state, receipt_id)
        if found is None or not _may_see(request.state.caller, found):
            raise not_found("There is no such receipt.", "receipt_unknown")
        return receipt_view(found)


def receipt_view(found: Receipt) -> dict[str, Any]:
    """Write a receipt for an answer.

    Args:
        found: the receipt.

    Returns:
        Its JSON form.
    """
    return {
        "receipt_id": found.receipt_id,
        "project": found.project,
        "state": found.state,
        "reason": found.reason,
        "received": found.received,
        "accepted": found.accepted,
        "duplicates": found.duplicates,
        "rejected": found.rejected,
        "landed": found.landed,
        "received_at": written(found.received_at),
        "landed_at": written(found.landed_at),
        "sha256": found.sha256,
    }


def _may_see(caller: Caller, receipt: Receipt) -> bool:
    if caller.kind is CallerKind.OPERATOR:
        return True
    return caller.name in (receipt.principal, receipt.owner)
