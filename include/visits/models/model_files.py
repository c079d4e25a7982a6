"""Model files from elsewhere, each with its digest and who vouches for it; none of them is opened here.

Opening a model file runs code from it, so a file counts for nothing until its digest is named: in a list that
lies beside it (``level4_models.sha256`` or ``manifest.json``), or by the person who asks for the import.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.errors import ModelError
from include.registry.artefacts import digest_of

logger = logging.getLogger(__name__)

DIGESTS_FILE = "level4_models.sha256"
MANIFEST_FILE = "manifest.json"
LIST_LINE = re.compile(r"([0-9a-fA-F]{64})[ \t]+\*?(\S.*)")  # as sha256sum writes it
SHA256 = re.compile(r"[0-9a-f]{64}")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Trust:
    """What the person who asks for the import vouches for.

    Attributes:
        digests: SHA-256 of files that may be opened, lower case.
        everything: every file asked for may be opened.
    """

    digests: frozenset[str] = frozenset()
    everything: bool = False

    @classmethod
    def in_digests(cls, digests: Sequence[str], *, everything: bool = False) -> Trust:
        """Read digests as a person gives them.

        Args:
            digests: SHA-256 of files, 64 hex digits each, either case.
            everything: every file asked for may be opened.

        Returns:
            The trust.

        Raises:
            ModelError: one is no SHA-256.
        """
        found = frozenset(digest.strip().lower() for digest in digests)
        wrong = sorted(digest for digest in found if not SHA256.fullmatch(digest))
        if wrong:
            raise ModelError(f"{wrong[0]!r} is no SHA-256 digest; give the 64 hex digits that sha256sum prints.")
        return cls(found, everything)


class Notes(BaseModel):
    """What ``manifest.json`` says of one file.

    Attributes:
        sha256: its digest, 64 lower-case hex digits.
        features: input columns in order, when the file itself does not list them.
        threshold: a probability must be above it, 0-1.
        trained_from: first day of the rows it learned from.
        trained_to: last day.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    sha256: Sha256
    features: tuple[str, ...] | None = None
    threshold: float | None = None
    trained_from: dt.date | None = None
    trained_to: dt.date | None = None


class FolderManifest(BaseModel):
    """``manifest.json`` beside model files.

    Attributes:
        models: what it says of each file, by file name.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)
    models: dict[str, Notes]


@dataclass(frozen=True)
class ModelFile:
    """A file that may be opened.

    Attributes:
        path: where it lies.
        data: the very bytes whose digest was compared.
        sha256: their digest.
        vouched_by: ``level4_models.sha256``, ``manifest.json``, ``--trust`` or ``--trust-all``.
        notes: what ``manifest.json`` says of it, or None.
    """

    path: Path
    data: bytes
    sha256: str
    vouched_by: str
    notes: Notes | None


def read_model_files(paths: Sequence[Path], trust: Trust) -> list[ModelFile]:
    """Read model files and hold their digests against those that somebody vouches for.

    Args:
        paths: the files.
        trust: what the person vouches for.

    Returns:
        The files in the same order; each may be opened.

    Raises:
        ModelError: a file or a list cannot be read, a file is another one than its list says, or nobody
            vouches for one; the message names all such files with their digests.
    """
    found, unknown = [], []
    for path in paths:
        data = _read(path)
        sha256, notes = digest_of(data), _notes_of(path)
        vouched_by = _voucher(path, sha256, notes, trust)
        if vouched_by is None:
            unknown.append(f"--trust {sha256} ({path.name})")
            continue
        logger.info("model file %s, sha256 %s, vouched for by %s", path, sha256, vouched_by)
        found.append(ModelFile(path, data, sha256, vouched_by, notes))
    if unknown:
        raise ModelError(
            f"Nothing was opened, for opening a model file runs code from it and neither {DIGESTS_FILE} nor "
            f"{MANIFEST_FILE} beside it names its digest; if you know who made it, confirm with {', '.join(unknown)}."
        )
    return found


def _voucher(path: Path, sha256: str, notes: Notes | None, trust: Trust) -> str | None:
    """Who vouches for a file; a list that names another digest for it is never overruled."""
    listed = {DIGESTS_FILE: _listed_digest(path), MANIFEST_FILE: notes.sha256 if notes else None}
    for name, expected in listed.items():
        if expected is not None and expected != sha256:
            raise ModelError(
                f"{path} is not the file that {name} names (its digest is {sha256}), so it was not opened; fetch "
                "both again, or correct the list."
            )
    named = [name for name, expected in listed.items() if expected is not None]
    if sha256 in trust.digests:
        named.append("--trust")
    if trust.everything:
        named.append("--trust-all")
    return named[0] if named else None


def _listed_digest(path: Path) -> str | None:
    """The digest that the folder's list names for a file."""
    place = path.parent / DIGESTS_FILE
    if not place.is_file():
        return None
    found: dict[str, str] = {}
    for number, line in enumerate(_read_text(place).splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LIST_LINE.fullmatch(line.strip())
        if match is None:
            raise ModelError(f"{place}, line {number} is no digest with a file name; write it as sha256sum does.")
        name = match[2].removeprefix("./")
        if found.setdefault(name, match[1].lower()) != match[1].lower():
            raise ModelError(f"{place} names two digests for {name}; leave the right one.")
    return found.get(path.name)


def _notes_of(path: Path) -> Notes | None:
    place = path.parent / MANIFEST_FILE
    if not place.is_file():
        return None
    try:
        return FolderManifest.model_validate_json(_read(place)).models.get(path.name)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = "/".join(map(str, first["loc"]))
        raise ModelError(
            f'{place} cannot be used ({where or "the file"}: {first["msg"]}); write {{"models": {{"<file name>": '
            '{"sha256": "<64 hex digits>"}}}.'
        ) from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).") from None


def _read_text(path: Path) -> str:
    try:
        return _read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ModelError(f"{path} is no UTF-8 text; write it as sha256sum does.") from None
