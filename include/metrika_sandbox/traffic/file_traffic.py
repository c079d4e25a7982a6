"""Given traffic: visits and hits from two files or frames, served as a counter's logs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from include.errors import ConfigError
from include.metrika_sandbox.columns.dialect import Dialect
from include.metrika_sandbox.columns.fields import HITS, VISITS, field_type
from include.metrika_sandbox.traffic.source import Edits, Label, RowBlock, VisitHeads, empty_numbers
from include.metrika_sandbox.visitors.ids import Int64Array

if TYPE_CHECKING:
    import pandas as pd

BLOCK_ROWS = 20_000
DATE_FIELDS = {VISITS: "ym:s:date", HITS: "ym:pv:date"}
TIME_FIELDS = {VISITS: "ym:s:dateTime", HITS: "ym:pv:dateTime"}
KEY_FIELDS = {VISITS: "ym:s:visitID", HITS: "ym:pv:watchID"}
LABEL_COLUMN = "label"  # optional column of the visits: 1 for a high-activity visitor
DEFAULTS = {"String": "", "Date": "1970-01-01", "DateTime": "1970-01-01 00:00:00"}
ARRAY_MARKS = str.maketrans({"[": " ", "]": " ", ",": " ", "'": " ", "\\": " ", '"': " "})


@dataclass(frozen=True)
class FrameRows:
    """Some rows of a frame.

    Attributes:
        source: visits or hits.
        frame: text columns named as in the Logs API.
    """

    source: str
    frame: pd.DataFrame

    @property
    def row_count(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def column(self, field_name: str, dialect: Dialect) -> list[str]:
        """The column as given; a known field the frame lacks holds its type's default."""
        if field_name in self.frame.columns:
            return [text.replace("\t", "\\t").replace("\n", "\\n") for text in self.frame[field_name].tolist()]
        return [_default(field_type(self.source, field_name) or "String")] * len(self.frame)

    def dates(self) -> list[str]:
        """Local day of every row."""
        return list(self.frame[DATE_FIELDS[self.source]].tolist())


class FileTraffic:
    """Serves given rows by day; every counter serves the same ones.

    Args:
        visits: text columns named ``ym:s:…``; visitID and dateTime at least; values as in the API's TSV.
        hits: text columns named ``ym:pv:…``; watchID and dateTime at least.
        zone: zone of the times, for linking conversions.

    Raises:
        ConfigError: a key column is missing.
    """

    def __init__(self, visits: pd.DataFrame, hits: pd.DataFrame, zone: ZoneInfo | None = None) -> None:
        self._zone = zone or ZoneInfo("Europe/Moscow")
        self._days = {VISITS: _by_day(VISITS, visits), HITS: _by_day(HITS, hits)}

    @classmethod
    def read(cls, visits_file: Path | None, hits_file: Path | None, zone: ZoneInfo | None = None) -> FileTraffic:
        """Read two files, TSV (raw, as the API sends) or CSV by their names; .gz is fine.

        Args:
            visits_file: the visits.
            hits_file: the hits.
            zone: zone of the times.

        Returns:
            The traffic.

        Raises:
            ConfigError: a file is not named, missing, or lacks its key columns.
        """
        if visits_file is None or hits_file is None:
            raise ConfigError("--visits-file and --hits-file: give both files or none.")
        return cls(_read_frame(visits_file), _read_frame(hits_file), zone)

    def days(self) -> list[str]:
        """The local days that have visits, in order."""
        return sorted(self._days[VISITS])

    def row_estimate(self, source: str, counter_id: int, first: dt.date, last: dt.date) -> int:
        """How many rows the days have."""
        return sum(len(frame) for frame in self._frames(source, first, last))

    def iter_blocks(
        self, source: str, counter_id: int, first: dt.date, last: dt.date, edits: Edits
    ) -> Iterator[RowBlock]:
        """The rows of the days in the order given; given data is never edited."""
        for frame in self._frames(source, first, last):
            for start in range(0, len(frame), BLOCK_ROWS):
                yield FrameRows(source, frame.iloc[start : start + BLOCK_ROWS])

    def _frames(self, source: str, first: dt.date, last: dt.date) -> list[pd.DataFrame]:
        return [
            frame for day, frame in sorted(self._days[source].items()) if first.isoformat() <= day <= last.isoformat()
        ]

    def iter_heads(self, counter_id: int, day: dt.date) -> Iterator[VisitHeads]:
        """The identifiers of a day's visits."""
        import pandas as pd

        frame = self._days[VISITS].get(day.isoformat())
        if frame is None:
            return
        rows = FrameRows(VISITS, frame)
        times = pd.to_datetime(frame[TIME_FIELDS[VISITS]]).dt.tz_localize(
            self._zone, ambiguous=np.ones(len(frame), dtype=np.bool_), nonexistent="shift_forward"
        )
        epochs = times.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
        clients = rows.column("ym:s:clientID", Dialect())
        purchases = rows.column("ym:s:purchaseID", Dialect())
        yield VisitHeads(
            start_epochs=epochs,
            client_ids=np.array([int(text or 0) for text in clients], dtype=np.uint64),
            user_ids=partial(_optional, frame, "user_id"),
            click_ids=partial(_optional, frame, "yclid"),
            purchase_ids=lambda: [" ".join(text.translate(ARRAY_MARKS).split()) for text in purchases],
        )

    def iter_labels(self, counter_id: int, day: dt.date) -> Iterator[Label]:
        """The label column of the visits, when they have one."""
        frame = self._days[VISITS].get(day.isoformat())
        if frame is not None and LABEL_COLUMN in frame.columns:
            for visit_id, label in zip(frame[KEY_FIELDS[VISITS]], frame[LABEL_COLUMN], strict=True):
                yield Label(int(visit_id), int(label))

    def edit(self, counter_id: int, day: dt.date, visit_count: int, round_number: int) -> Int64Array:
        """Given data has no late visits."""
        return empty_numbers()


def _read_frame(path: Path) -> pd.DataFrame:
    import pandas as pd

    if not path.is_file():
        raise ConfigError(f"{path} does not exist; give a TSV or CSV file with Logs API column names.")
    if ".tsv" in path.name:
        return pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, quoting=3, lineterminator="\n")
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _by_day(source: str, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    for name in (KEY_FIELDS[source], TIME_FIELDS[source]):
        if name not in frame.columns:
            raise ConfigError(f"The {source} data has no column {name}; name columns as the Logs API does.")
    if DATE_FIELDS[source] not in frame.columns:
        frame = frame.assign(**{DATE_FIELDS[source]: frame[TIME_FIELDS[source]].str.slice(0, 10)})
    texts = frame.astype(str)
    return {str(day): rows for day, rows in texts.groupby(DATE_FIELDS[source], sort=False)}


def _optional(frame: pd.DataFrame, name: str) -> list[str]:
    return list(frame[name].tolist()) if name in frame.columns else [""] * len(frame)


def _default(type_name: str) -> str:
    if type_name.startswith("Array"):
        return "[]"
    return DEFAULTS.get(type_name, "0")
