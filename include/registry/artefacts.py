"""Artefact files: published whole under their digest, unpacked only after the digest is checked.

Unpacking a model runs code from the file. So the bytes that are hashed are the very bytes that are
unpacked: a file swapped between the two steps changes nothing.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

from include.errors import ModelError
from include.failpoints import failpoint

logger = logging.getLogger(__name__)

MODEL_SUFFIX, PLOT_SUFFIX = ".joblib", ".png"
UNFINISHED = ".publishing-"
LEFTOVER_SECONDS = 3600  # no publishing takes so long; its process was killed


def artefact_path(models_dir: Path, sha256: str, suffix: str = MODEL_SUFFIX) -> Path:
    """Where an artefact lies.

    Args:
        models_dir: folder of the registry.
        sha256: digest of the file, 64 hex digits.
        suffix: of its kind of file: model or plot.

    Returns:
        The path; the file may be absent.
    """
    return models_dir / f"{sha256}{suffix}"


def digest_of(data: bytes) -> str:
    """Digest under which bytes are registered.

    Args:
        data: the whole file.

    Returns:
        SHA-256, 64 hex digits.

    >>> digest_of(b"")[:12]
    'e3b0c44298fc'
    """
    return hashlib.sha256(data).hexdigest()


def publish(models_dir: Path, data: bytes, suffix: str = MODEL_SUFFIX) -> str:
    """Put an artefact into the folder: whole under its digest, or not at all.

    Args:
        models_dir: folder of the registry; made when missing.
        data: the whole file.
        suffix: of its kind of file: model or plot.

    Returns:
        Its digest.

    Raises:
        ModelError: the folder cannot be written.
    """
    sha256 = digest_of(data)
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        _drop_leftovers(models_dir)
        _write_atomically(artefact_path(models_dir, sha256, suffix), data)
    except OSError as error:
        raise ModelError(
            f"The file cannot be written to {models_dir} ({error.strerror}); make the folder writable."
        ) from None
    return sha256


def _drop_leftovers(models_dir: Path) -> None:
    limit = time.time() - LEFTOVER_SECONDS
    for path in models_dir.glob(f"{UNFINISHED}*"):
        if path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)


def _write_atomically(path: Path, data: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        failpoint("registry.artefact_written")
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    failpoint("registry.artefact_published")


def read_verified(models_dir: Path, sha256: str, label: str) -> bytes:
    """Read an artefact and refuse it unless it is the registered one.

    Args:
        models_dir: folder of the registry.
        sha256: registered digest.
        label: the model in messages, ``<name> <version>``.

    Returns:
        The whole file.

    Raises:
        ModelError: the file is absent, unreadable, or its digest differs.
    """
    path = artefact_path(models_dir, sha256)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"Model {label} cannot be read from {path} ({error.strerror}); import it again, or promote another version."
        ) from None
    if digest_of(data) != sha256:
        raise ModelError(
            f"Model {label} at {path} is not the file that was registered (its digest differs), so it was not "
            "opened; import the original again, or promote another version."
        )
    return data


def unpack(data: bytes, label: str) -> Any:
    """Turn the bytes of an artefact into what was saved.

    Args:
        data: a joblib or pickle file whose origin is trusted.
        label: the model in messages.

    Returns:
        The object.

    Raises:
        ModelError: a package it needs is missing, or the bytes are no model.
    """
    import joblib

    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            found = joblib.load(io.BytesIO(data))
    except ModuleNotFoundError as error:
        package = (error.name or "unknown").partition(".")[0]
        raise ModelError(
            f"Model {label} needs the package {package!r}, which is not installed; install it, or promote a "
            "version that does not need it."
        ) from None
    except Exception as error:  # a damaged pickle may raise anything
        logger.debug("model %s cannot be unpacked", label, exc_info=True)
        raise ModelError(
            f"Model {label} cannot be opened ({type(error).__name__}): the file is damaged or was saved by an "
            "incompatible library version; save it again and import it."
        ) from None
    for text in dict.fromkeys(_first_sentence(one) for one in told if issubclass(one.category, UserWarning)):
        logger.warning("model %s: %s", label, text)  # such as: saved by another version of scikit-learn
    return found


def _first_sentence(told: warnings.WarningMessage) -> str:
    return " ".join(str(told.message).split()).partition(". ")[0]


def pack(estimator: Any, features: tuple[str, ...]) -> bytes:
    """Save a fitted estimator with its feature list.

    Args:
        estimator: fitted, with predict_proba.
        features: names of its input columns, in order.

    Returns:
        The bytes of an artefact; equal estimators give equal bytes.
    """
    import joblib

    buffer = io.BytesIO()
    joblib.dump({"model": estimator, "features": list(features)}, buffer)
    return buffer.getvalue()
