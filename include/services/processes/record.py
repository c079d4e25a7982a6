"""What is written down about one group of processes: who owns it, who wants it, what runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from include.services.processes.files import make_private_folder, read_record, write_record
from include.services.processes.looking import ProcessId


class GroupRecord:
    """The files of one group.

    ``<name>.json`` says which process supervises the group and who wants it; commands change it while
    they hold the lock. ``<name>.parts.json`` is written by the supervisor alone.

    Args:
        folder: folder of all groups of one machine.
        name: name of the group.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = make_private_folder(folder)
        self.name = name
        self.path = folder / f"{name}.json"
        self.parts_path = folder / f"{name}.parts.json"
        self.lock_path = folder / f"{name}.lock"
        self.log_path = folder / f"{name}.log"

    def supervisor(self) -> ProcessId | None:
        """Give the supervisor, if it is running."""
        identity = ProcessId.from_record(read_record(self.path).get("supervisor"))
        return identity if identity and identity.is_running() else None

    def owners(self) -> list[ProcessId]:
        """Give the living processes that want the group."""
        entries = read_record(self.path).get("owners", [])
        noted = [identity for entry in entries if (identity := ProcessId.from_record(entry))]
        return [identity for identity in noted if identity.is_running()]

    def is_kept(self) -> bool:
        """Say whether the group outlives those that asked for it."""
        return bool(read_record(self.path).get("kept"))

    def is_wanted(self) -> bool:
        """Say whether the group has a reason to run."""
        return self.is_kept() or bool(self.owners())

    def parts(self) -> dict[str, dict[str, Any]]:
        """Give what the supervisor last wrote about each part."""
        return read_record(self.parts_path)

    def save(self, supervisor: ProcessId | None, owners: list[ProcessId], *, kept: bool) -> None:
        """Write who supervises and who wants the group; the caller holds the lock.

        Args:
            supervisor: the owning process, None before it has started.
            owners: processes that want the group.
            kept: whether it outlives them.
        """
        write_record(
            self.path,
            {
                "supervisor": supervisor.to_record() if supervisor else None,
                "owners": [owner.to_record() for owner in owners],
                "kept": kept,
            },
        )

    def forget(self) -> None:
        """Remove what was written; the lock file and the logs stay."""
        self.path.unlink(missing_ok=True)
        self.parts_path.unlink(missing_ok=True)
