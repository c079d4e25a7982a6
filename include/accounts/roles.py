"""What a signed-in person may be."""

from __future__ import annotations

from include.errors import InputError

STUDENT, TEACHER, ADMIN = "student", "teacher", "admin"
ROLES = (STUDENT, TEACHER, ADMIN)
ANYONE = frozenset(ROLES)


def require_role(role: str) -> str:
    """Check the name of a role.

    Args:
        role: as given.

    Returns:
        The role.

    Raises:
        InputError: no such role (code ``bad_role``).

    >>> require_role("teacher")
    'teacher'
    """
    if role not in ANYONE:
        raise InputError(f"{role!r} is not a role; use {', '.join(ROLES)}.", code="bad_role", pointer="/role")
    return role
