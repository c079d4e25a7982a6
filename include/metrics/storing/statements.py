"""The SQL files of this folder."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from sqlalchemy import TextClause, text


@cache
def statement(name: str) -> TextClause:
    """Read one statement.

    Args:
        name: name of its file, without the ending.

    Returns:
        The statement.
    """
    return text(files(__package__).joinpath("sql", f"{name}.sql").read_text(encoding="utf-8"))
