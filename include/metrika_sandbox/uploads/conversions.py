"""The store of uploads: takes files in, links them in the background, remembers them."""

from __future__ import annotations

import datetime as dt
import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from include.metrika_sandbox.behaviour.answers import Json, refusal
from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import FaultBoard
from include.metrika_sandbox.traffic.source import TrafficSource
from include.metrika_sandbox.uploads.goals import GoalStore
from include.metrika_sandbox.uploads.linkage import Conversion, Linker
from include.metrika_sandbox.uploads.state_files import StateFiles
from include.metrika_sandbox.uploads.uploads import Upload, iter_rows, read_conversion

logger = logging.getLogger(__name__)

FIRST_UPLOAD_ID = 7001


class ConversionStore:
    """All uploads of the sandbox.

    Args:
        config: counters, clock, delays.
        board: switches.
        traffic: the visits conversions are linked against.
        goals: the goals a target may name.
        files: where the CSV files and, if wished, the state go.
    """

    def __init__(
        self, config: SandboxConfig, board: FaultBoard, traffic: TrafficSource, goals: GoalStore, files: StateFiles
    ) -> None:
        self._config, self._board, self._traffic, self._goals, self._files = config, board, traffic, goals, files
        self._lock = threading.Lock()
        self._linkers = ThreadPoolExecutor(1, thread_name_prefix="sandbox-link")
        restored, saved_goals = files.load(config.clock())
        goals.restore(saved_goals)
        self._uploads = {upload.upload_id: upload for upload in restored}
        for upload in restored:
            if not upload.is_linked:
                self._start_linking(upload)

    def close(self) -> None:
        """Stop linking."""
        self._linkers.shutdown(cancel_futures=True)

    def all(self, counter_id: int) -> list[Upload]:
        """Uploads of a counter, newest first."""
        with self._lock:
            uploads = list(self._uploads.values())
        return [one for one in reversed(uploads) if one.counter_id == counter_id]

    def find(self, counter_id: int, upload_id: int) -> Upload | None:
        """One upload of a counter, or None."""
        upload = self._uploads.get(upload_id)
        return upload if upload is not None and upload.counter_id == counter_id else None

    def show(self, upload: Upload) -> Json:
        """An upload as the API shows it now."""
        faults = self._board.now()
        status = faults.upload_status_word or upload.status(self._config.status_seconds)
        return upload.as_json(status, has_newer_quantities=faults.newer_quantities)

    def receive(self, counter_id: int, file: Path, *, comment: str, kind: str, client_id_type: str) -> Upload:
        """Take a file in.

        Args:
            counter_id: the counter.
            file: the received CSV; it is moved.
            comment: the client's comment, checked.
            kind: BASIC, CALLS or CHATS.
            client_id_type: as sent, or CLIENT_ID.

        Returns:
            The upload, being linked in the background.

        Raises:
            SourceRejected: the file is unreadable, empty, or has a bad row while such files are refused.
        """
        now = self._config.clock()
        source_count, line_count = self._check_rows(file, int(now.timestamp()))
        with self._lock:
            upload_id = max(self._uploads, default=FIRST_UPLOAD_ID - 1) + 1
            upload = Upload(
                upload_id=upload_id,
                counter_id=counter_id,
                comment=comment,
                kind=kind,
                client_id_type=client_id_type,
                created_at=now,
                file=self._files.upload_file(upload_id),
                source_count=source_count,
                line_count=line_count,
                fails=self._board.take("linkage_failure_count"),
            )
            os.replace(file, upload.file)
            self._uploads[upload_id] = upload
            self._save()
        self._start_linking(upload)
        return upload

    def _check_rows(self, file: Path, now_epoch: int) -> tuple[int, int]:
        """Rows of the file and rows that are valid."""
        source_count = line_count = 0
        for source_count, row in enumerate(iter_rows(file), 1):
            if read_conversion(row, now_epoch) is not None:
                line_count += 1
            elif self._board.now().refuse_bad_rows:
                raise refusal(400, "invalid_uploading", f"Row {source_count} of the file is not valid.", "file")
        if not source_count:
            raise refusal(400, "invalid_uploading", "The file has no rows.", "file")
        return source_count, line_count

    def save_goals(self) -> None:
        """Remember the goals after one was added."""
        with self._lock:
            self._save()

    def _save(self) -> None:
        goals = {one.counter_id: self._goals.all(one.counter_id) for one in self._config.counters}
        self._files.save(list(self._uploads.values()), goals)

    def _start_linking(self, upload: Upload) -> None:
        """Link in the background; an upload that cannot be linked must not stay in progress for ever."""
        self._linkers.submit(self._count_links, upload).add_done_callback(partial(self._close_linking, upload))

    def _close_linking(self, upload: Upload, linking: Future[None]) -> None:
        if linking.cancelled():
            return
        if error := linking.exception():
            logger.error("upload %d could not be linked", upload.upload_id, exc_info=error)
        with self._lock:
            upload.is_linked = True
            self._save()

    def _count_links(self, upload: Upload) -> None:
        known = frozenset[str]() if self._board.now().no_goals else self._goals.targets(upload.counter_id)
        conversions = self._read(upload)
        aimed = [one for one in conversions if one.target in known]
        upload.goal_missing_count = len(conversions) - len(aimed)
        upload.user_missing_count = len(aimed)
        if upload.fails:
            return
        counter = self._config.counter(upload.counter_id)
        assert counter is not None, "uploads of unknown counters are refused"
        linker = Linker(self._traffic, upload.counter_id, counter.zone, links_at_start=self._board.now().link_at_start)
        upload.linked_count = sum(linker.link(aimed, self._config.clock()))
        upload.user_missing_count = len(aimed) - upload.linked_count

    def _read(self, upload: Upload) -> list[Conversion]:
        now_epoch = int(upload.created_at.astimezone(dt.UTC).timestamp())
        read = (read_conversion(row, now_epoch) for row in iter_rows(upload.file))
        return [one for one in read if one is not None]
