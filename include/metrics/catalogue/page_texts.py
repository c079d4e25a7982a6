"""What the page of a metric says beside its cards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PageTexts:
    """Plain words about one metric; Markdown.

    Attributes:
        title: heading of the page.
        question: the question it answers, in a sentence or two.
        words: per version, what is counted, in plain English.
        null: per version, what it means when there is no value, or no row.
        advice: which version to use for what.
        picture: the golden case in a table; empty where the workings say enough.
    """

    title: str
    question: str
    words: Mapping[int, str]
    null: Mapping[int, str]
    advice: str
    picture: str = ""
