"""What all tables of the state share: one collection, names of constraints, the form of a time."""

from __future__ import annotations

from sqlalchemy import Column, DateTime, MetaData

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def instant(name: str, *, required: bool = True) -> Column[object]:
    """Make a column that holds a moment, ``timestamptz`` in UTC.

    Args:
        name: column name, ending in ``_at``.
        required: whether it may never be NULL.

    Returns:
        The column.
    """
    return Column(name, DateTime(timezone=True), nullable=not required)
