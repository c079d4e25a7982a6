"""The SQL files of this package, as bound statements."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def statement(name: str) -> TextClause:
    """Read one statement.

    Args:
        name: file stem under ``sql/``.

    Returns:
        The statement; values are bound as ``:name``.
    """
    return text(sql_text(name))


@cache
def sql_text(name: str) -> str:
    """Read one SQL file as it is.

    Args:
        name: file stem under ``sql/``.

    Returns:
        Its text.
    """
    return files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8")
