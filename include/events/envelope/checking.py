"""The rules of events joined: a batch in, a line or a rejection for each event out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from include.errors import InputError
from include.events.apps.rules import ProjectRules
from include.events.envelope.codes import refusal
from include.events.envelope.forms import Form, form_of
from include.events.envelope.identities import person_of_subject
from include.events.envelope.ids import derived_id, event_id_of
from include.events.envelope.judging import context_json_of, judge_props, labels_json_of
from include.events.envelope.limits import check_event
from include.events.envelope.lines import LineWriter, digest_of, escaped
from include.events.envelope.rights import check_project, check_rights
from include.events.envelope.sender import Sender
from include.events.envelope.shapes import PLACES, Shape, shape_of
from include.events.envelope.texts import is_storable
from include.events.envelope.timing import Timing
from include.events.envelope.verdicts import Accepted, Rejected, Verdict
from include.events.schemas.compiled import EventSchema
from include.events.schemas.names import event_name_of


def check_events(
    events: Sequence[Any],
    *,
    shape: Shape | None,
    rules: ProjectRules,
    sender: Sender,
    receipt_id: UUID,
    received_at: dt.datetime,
    sent_at: dt.datetime | None,
    pointer: str | None = "/events",
) -> list[Verdict]:
    """Hold every event of a batch against the rules; none can harm another.

    Args:
        events: as a JSON parser gave them.
        shape: how they are written; None when each tells by itself.
        rules: of the project they were sent to.
        sender: who sent them.
        receipt_id: receipt of the batch.
        received_at: when the batch was received, aware.
        sent_at: when it was sent by the sender's clock, aware, or None.
        pointer: JSON pointer of the list of events; None when the body is the one event itself.

    Returns:
        One verdict per event, in order. Equal ids within the batch are not looked for here.
    """
    batch = _Batch(rules, sender, receipt_id, received_at, sent_at)
    verdicts: list[Verdict] = []
    for position, event in enumerate(events):
        try:
            verdicts.append(batch.accept(position, event, shape))
        except InputError as error:
            place = "" if pointer is None else f"{pointer}/{position}"
            verdicts.append(_rejected(position, event, shape, rules, error, place))
    return verdicts


class _Batch:
    """What is the same for all events of a batch, and what was already worked out for some."""

    def __init__(
        self,
        rules: ProjectRules,
        sender: Sender,
        receipt_id: UUID,
        received_at: dt.datetime,
        sent_at: dt.datetime | None,
    ) -> None:
        self._rules, self._sender = rules, sender
        self._timing = Timing(
            rules.time_zone,
            received_at,
            sent_at,
            max_age_days=None if sender.may_backfill else rules.max_age_days,
            is_from_device=sender.is_device,
        )
        self._lines = LineWriter(rules.project, received_at, receipt_id)
        self._names: dict[str, tuple[str, EventSchema | None]] = {}
        self._people: dict[tuple[str, ...], tuple[str, str]] = {}

    def accept(self, position: int, event: Any, shape: Shape | None) -> Accepted:
        """Turn one event into its line.

        Raises:
            InputError: it breaks a rule; the pointer starts at the event.
        """
        check_event(event)
        form = form_of(event, shape or shape_of(event), self._sender.source)
        check_project(event.get("project"), self._rules.project)
        check_rights(form, self._sender)
        name, schema = self._named(form)
        event_id = None if form.own_id is None else event_id_of(form.own_id, self._rules.project, form.places.own_id)
        timed = self._timing.of(form)
        judged = judge_props(form, schema, is_strict=self._rules.is_strict)
        warnings = timed.warnings + judged.warnings
        if event_id is None:
            event_id, warning = self._made_id(form, name, judged.json)
            warnings = (*warnings, warning)
        if len(warnings) > 1:
            warnings = tuple(sorted(set(warnings)))
        objects = (judged.json, context_json_of(form.context), labels_json_of(form.labels))
        person, identities = self._person(form.subject)
        line = self._lines.write(
            position,
            form,
            event_name=name,
            event_id=event_id,
            person=person,
            schema_version=0 if schema is None else schema.version,
            times=timed.fields,
            identities=identities,
            objects=objects,
            warnings=warnings,
        )
        digest = digest_of(name, form, timed.occurred_ms, objects)
        return Accepted(position, event_id, digest, line, warnings, name)

    def _named(self, form: Form) -> tuple[str, EventSchema | None]:
        sent, pointer = form.name, form.places.name
        if sent is None:
            raise refusal("missing_field", pointer, f"{pointer[1:]} is missing.")
        if sent.__class__ is not str:
            raise refusal("bad_type", pointer, f"{pointer[1:]} must be a text.")
        found = self._names.get(sent)
        if found is None:
            name = _spelled(sent, pointer, self._rules)
            found = self._names[sent] = (name, self._rules.schemas.get(name))
        if found[1] is None and self._rules.is_strict:
            raise refusal("unknown_event", pointer, "The event is not registered with this app.")
        return found

    def _made_id(self, form: Form, name: str, props_json: bytes) -> tuple[UUID, str]:
        if form.time is None:
            return uuid4(), "no_id"
        made = derived_id(self._rules.project, form.source, form.subject, name, form.time, props_json)
        return made, "derived_id"

    def _person(self, subject: tuple[str, ...]) -> tuple[str, str]:
        found = self._people.get(subject)
        if found is None:
            person = str(person_of_subject(self._rules.project, subject))
            found = self._people[subject] = (person, "\t".join(map(escaped, subject)))
        return found


def _spelled(sent: str, pointer: str, rules: ProjectRules) -> str:
    try:
        name = event_name_of(sent)
    except InputError as error:
        raise refusal("bad_name", pointer, error.message) from None
    return rules.aliases.get(name, name)


def _rejected(
    position: int, event: Any, shape: Shape | None, rules: ProjectRules, error: InputError, place: str
) -> Rejected:
    event_id, name = None, ""
    if event.__class__ is dict:
        places = PLACES[shape or shape_of(event)]
        event_id = _own_id(event.get(places.own_id[1:]), rules.project)
        name = _own_name(event.get(places.name[1:]), rules)
    return Rejected(position, event_id, name, error.code, place + error.pointer, error.message)


def _own_id(value: Any, project: str) -> str | None:
    try:
        return str(event_id_of(value, project, ""))
    except InputError:
        return None


def _own_name(value: Any, rules: ProjectRules) -> str:
    try:
        return _spelled(value, "", rules) if isinstance(value, str) and is_storable(value) else ""
    except InputError:
        return ""
