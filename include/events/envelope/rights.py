"""What a sender may say: of which project, of whom, and whether with labels."""

from __future__ import annotations

from typing import Any

from include.events.envelope.codes import refusal, shown
from include.events.envelope.forms import Form
from include.events.envelope.identities import NAMESPACES
from include.events.envelope.sender import Sender

USER_ID = NAMESPACES.index("user_id")
SIMULATOR = "simulator"


def check_project(named: Any, project: str) -> None:
    """Refuse an event that names another project than the one it was sent to.

    Args:
        named: the field ``project`` as sent, None without.
        project: app code, or ``default``.

    Raises:
        InputError: ``bad_type`` or ``project_mismatch``.
    """
    if named is None or named == project:
        return
    if named.__class__ is not str:
        raise refusal("bad_type", "/project", "project must be a text.")
    raise refusal("project_mismatch", "/project", f"The event is of project {shown(named)}, which is not this one.")


def check_rights(form: Form, sender: Sender) -> None:
    """Refuse what this sender may not say.

    Args:
        form: the event.
        sender: who sends it.

    Raises:
        InputError: ``subject_forbidden`` for a student's event of somebody else or a teacher's of another course,
            ``label_forbidden`` for labels on an event that no simulator made.
    """
    if form.labels is not None and form.source != SIMULATOR:
        raise refusal("label_forbidden", "/labels", f"An event of source {form.source} has no labels.")
    if sender.only_user_id is not None and form.subject[USER_ID] != sender.only_user_id:
        raise refusal("subject_forbidden", form.places.user, "The event is not of your own user_id.")
    if sender.only_courses is not None and (form.scope_type != "course" or form.scope_id not in sender.only_courses):
        raise refusal("subject_forbidden", form.places.scope, "The event is not of one of your courses.")
