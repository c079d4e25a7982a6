"""``events receipt``: what became of a batch since it was answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from include.commands.terminal import JsonOption, guarded, settings_here, show
from include.errors import InputError
from include.events.intake.receipts import read_receipt
from include.services.stores import open_stores

ReceiptArgument = Annotated[str, typer.Argument(metavar="RECEIPT", help="Receipt id from the answer.")]


@guarded
def receipt(receipt_id: ReceiptArgument, as_json: JsonOption = False) -> None:
    """Say whether the accepted events of a batch can be read yet.

    Args:
        receipt_id: id of the receipt.
        as_json: print one line of JSON.
    """
    found = read_receipt(open_stores(settings_here()).state, receipt_id)
    if found is None:
        raise InputError(f"There is no receipt {receipt_id!r}; take the id from the answer to the batch.")
    show({**asdict(found), "landed": found.landed}, as_json=as_json, title=f"Receipt {found.receipt_id}")
