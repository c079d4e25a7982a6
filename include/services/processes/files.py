"""Private files of one machine: JSON and secrets with mode 600, locks, log tails."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from include.errors import ServiceError

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
LOCK_WAIT_SECONDS = 120.0  # longer than a whole start, so a second `up` waits for the first
LOCK_POLL_SECONDS = 0.05
SECRET_BYTES = 24
TAIL_BYTES = 4000


def make_private_folder(folder: Path) -> Path:
    """Create a folder that only its owner can enter; an existing one keeps its mode.

    Args:
        folder: where.

    Returns:
        The same path.

    Raises:
        ServiceError: the folder cannot be created.
    """
    try:
        folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise ServiceError(
            f"The folder {folder} cannot be created ({error.strerror}); "
            "choose another one with COUNTERFLOW_LOCAL_DIR or correct its rights."
        ) from error
    return folder


def write_private(path: Path, text: str) -> None:
    """Write a whole file at once, readable by its owner only.

    Args:
        path: file to replace.
        text: its new content.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write a JSON object as a private file.

    Args:
        path: file to replace.
        record: what to write.
    """
    write_private(path, json.dumps(record, indent=2, sort_keys=True) + "\n")


def read_record(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Args:
        path: file written by :func:`write_record`.

    Returns:
        The object; empty when the file is absent or is not one.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def new_secret() -> str:
    """Generate a secret, URL-safe text."""
    return secrets.token_urlsafe(SECRET_BYTES)


def kept_secret(path: Path, generate: Callable[[], str] = new_secret) -> str:
    """Read a generated secret, or generate and keep it.

    Args:
        path: file that holds it, mode 600.
        generate: makes a new one.

    Returns:
        The secret.
    """
    try:
        known = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        known = ""
    if known:
        return known
    generated = generate()
    write_private(path, generated + "\n")
    return generated


@contextmanager
def locked(path: Path, *, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """Hold an exclusive lock between processes.

    Args:
        path: lock file; it stays behind, empty.
        wait_seconds: how long to wait for another holder; 0 tries once.

    Yields:
        Nothing; the lock is held inside the block and is gone when the process dies.

    Raises:
        ServiceError: somebody else held it for the whole wait.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
    try:
        deadline = time.monotonic() + wait_seconds
        while not _try_lock(descriptor):
            if time.monotonic() >= deadline:
                raise ServiceError(
                    f"Another command has been working on {path.parent} for {wait_seconds:.0f} seconds; "
                    "wait until it ends, or end it, and try again."
                )
            time.sleep(LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def log_tail(path: Path, *, line_count: int = 12) -> str:
    """Read the last lines of a log.

    Args:
        path: log file.
        line_count: how many lines at most.

    Returns:
        The lines; a remark when there are none.
    """
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        text = ""
    lines = [line for line in text.splitlines() if line.strip()]
    return "\n".join(lines[-line_count:]) or "(the log is empty)"
