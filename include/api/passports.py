"""Route of passports: why a conversion was or was not sent."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from include.api.context import ApiContext
from include.api.gate.policies import READ, Rules
from include.api.gate.problems import Refusal, invalid
from include.api.gate.routing import Routes
from include.api.passport_shapes import PassportView
from include.api.tasks.shapes import LARGEST_COUNTER, LONGEST_TEXT_CHARS
from include.days import parse_day
from include.errors import InputError
from include.provenance.passport.cases import Case
from include.provenance.passport.finding import CONVERSION_UNKNOWN, find_cases, only_case
from include.provenance.passport.questions import LARGEST_ROW, ask
from include.provenance.passport.verifying import read_passport

BY_CLIENT = ("client_id", "counter", "target", "date_time")  # together they name a conversion

UploadQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description="Our upload id, or Metrika's number; with row.",
        examples=["5f1c5f0e-8f2b-5a61-9f51-3d2b9d6f7a10"],
    ),
]
RowQuery = Annotated[int | None, Query(ge=1, le=LARGEST_ROW, description="Row of the upload, from 1.", examples=[17])]
VisitQuery = Annotated[
    str | None,
    Query(max_length=LONGEST_TEXT_CHARS, description="Visit id.", examples=["7011459361225703426"]),
]
ClientQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description="Client id; with counter, target and date_time.",
        examples=["1750856904411275031"],
    ),
]
CounterQuery = Annotated[int | None, Query(gt=0, le=LARGEST_COUNTER, description="Counter id.", examples=[123456])]
TargetQuery = Annotated[
    str | None, Query(max_length=LONGEST_TEXT_CHARS, description="Goal identifier.", examples=["4plus"])
]
DateTimeQuery = Annotated[
    str | None,
    Query(
        max_length=LONGEST_TEXT_CHARS,
        description="Time of the conversion, local to the counter or with an offset.",
        examples=["2025-07-01T12:34:56"],
    ),
]
DateQuery = Annotated[
    str | None,
    Query(max_length=LONGEST_TEXT_CHARS, description="Narrows a visit id to one day.", examples=["2025-07-01"]),
]
VerifyQuery = Annotated[bool, Query(description="Derive everything again from stored data and compare.")]


def add_routes(routes: Routes, context: ApiContext) -> None:
    """Register the route of this module.

    Args:
        routes: where to.
        context: of the app.
    """
    routes.add(
        "GET",
        "/conversions/passport",
        Passports(context).passport,
        Rules(READ),
        errors=(404,),
        response_model=PassportView,
        summary="Why a conversion was or was not sent",
        tags=["conversions"],
    )


class Passports:
    """Endpoint of passports.

    Args:
        context: of the app.
    """

    def __init__(self, context: ApiContext) -> None:
        self._context = context

    def passport(
        self,
        upload_id: UploadQuery = None,
        row: RowQuery = None,
        visit_id: VisitQuery = None,
        client_id: ClientQuery = None,
        counter: CounterQuery = None,
        target: TargetQuery = None,
        date_time: DateTimeQuery = None,
        date: DateQuery = None,
        verify: VerifyQuery = False,
    ) -> dict[str, Any]:
        """Show the passport of one conversion.

        Name it by upload_id and row, by client_id, counter, target and date_time, or by visit_id, which counter,
        target and date narrow. A visit that was never sent has a passport too: it says why.
        """
        named = {"counter": counter, "target": target, "client_id": client_id, "date_time": date_time}
        try:
            _require_together(named, upload_id=upload_id, row=row, visit_id=visit_id)
            case = self._case(
                visit_id=visit_id,
                client_id=client_id,
                upload_id=upload_id,
                row=row,
                counter_id=counter,
                target=target,
                day=None if date is None else parse_day(date),
                date_time=date_time,
            )
        except InputError as error:
            if error.code == CONVERSION_UNKNOWN:
                raise Refusal(404, CONVERSION_UNKNOWN, "Conversion not found") from None
            raise invalid(error.pointer, error.message, error.code, place="query") from None
        stores, models_dir = self._context.stores, self._context.settings.models_dir
        return read_passport(stores.warehouse, stores.state, case, models_dir=models_dir if verify else None)

    def _case(self, **named: Any) -> Case:
        stores, question = self._context.stores, ask(**named)
        return only_case(find_cases(stores.warehouse, stores.state, question), question)


def _require_together(named: dict[str, Any], *, upload_id: str | None, row: int | None, visit_id: str | None) -> None:
    """Refuse half a name: an upload without its row, a client without counter, goal and time."""
    if upload_id is not None and row is None:
        raise InputError("Give row, counted from 1, with upload_id.", code="parameter_missing", pointer="/row")
    if row is not None and upload_id is None:
        raise InputError("Give upload_id with row.", code="parameter_missing", pointer="/upload_id")
    if visit_id is not None or upload_id is not None:
        return
    missing = [name for name in BY_CLIENT if named[name] is None]
    if missing and len(missing) < len(BY_CLIENT):
        raise InputError(
            f"Give {', '.join(BY_CLIENT)} together; {missing[0]} is missing.",
            code="parameter_missing",
            pointer=f"/{missing[0]}",
        )
