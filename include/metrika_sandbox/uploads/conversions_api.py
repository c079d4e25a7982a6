"""The calls for offline conversions, goals and the counter itself."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import tempfile
from pathlib import Path

import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from include.metrika_sandbox.behaviour.answers import Answer, ApiRequest, Json, refusal
from include.metrika_sandbox.behaviour.config import VISIT_THRESHOLD_SECONDS, SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import FaultBoard
from include.metrika_sandbox.uploads.conversions import ConversionStore
from include.metrika_sandbox.uploads.goals import GoalStore

MAX_FILE_BYTES = 1024**3  # documented: 1 GB
MAX_COMMENT_CHARACTERS = 255
COMMENT = re.compile(r"[0-9A-Za-zА-Яа-яЁё]*")
UPLOAD_KINDS = ("BASIC", "CALLS", "CHATS")
LIST_LIMIT = 10_000
CHUNK_BYTES = 1 << 16


class ConversionsApi:
    """Handlers of offline conversions, goals and the counter.

    Args:
        config: counters and clock.
        board: switches.
        store: the uploads.
        goals: the goals.
    """

    def __init__(
        self, config: SandboxConfig, board: FaultBoard, store: ConversionStore, goals: GoalStore, folder: Path
    ) -> None:
        self._config, self._board, self._store, self._goals = config, board, store, goals
        self._folder = folder

    def counter(self, request: ApiRequest) -> Answer:
        """GET counter/{id}."""
        counter = request.counter
        offset = self._config.clock().astimezone(counter.zone).utcoffset() or dt.timedelta()
        shown: Json = {
            "id": counter.counter_id,
            "name": counter.name,
            "status": "Active",
            "owner_login": self._config.login,
            "site": "shop.example",
            "type": "simple",
            "permission": "own",
            "code_status": "CS_OK",
            "create_time": f"{counter.created_on(self._config.clock())}T12:00:00+03:00",
            "time_zone_name": counter.zone_name,
            "time_zone_offset": int(offset.total_seconds() // 60),
            "visit_threshold": VISIT_THRESHOLD_SECONDS,
        }
        return Answer({"counter": shown})

    def list_goals(self, request: ApiRequest) -> Answer:
        """GET goals."""
        goals = [] if self._board.now().no_goals else self._goals.all(request.counter.counter_id)
        return Answer({"goals": goals})

    def create_goal(self, request: ApiRequest) -> Answer:
        """POST goals."""
        try:
            goal = json.loads(request.body.read())["goal"]
            name, goal_type, conditions = goal["name"], goal["type"], goal["conditions"]
            checked = [{"type": str(one["type"]), "url": str(one["url"])} for one in conditions]
        except (ValueError, KeyError, TypeError):
            raise refusal(400, "invalid_json", "The body must be a goal with name, type and conditions.") from None
        if not name or not checked:
            raise refusal(400, "invalid_parameter", "A goal needs a name and a condition.", "goal")
        made = self._goals.add(request.counter.counter_id, str(name), str(goal_type), checked)
        self._store.save_goals()
        return Answer({"goal": made})

    def upload(self, request: ApiRequest) -> Answer:
        """POST offline_conversions/upload."""
        comment = request.query.get("comment", "")
        if len(comment) > MAX_COMMENT_CHARACTERS or not COMMENT.fullmatch(comment):
            raise refusal(
                400,
                "invalid_parameter",
                f"comment holds more than {MAX_COMMENT_CHARACTERS} characters or other than letters and digits",
                "comment",
            )
        kind = request.query.get("type", "BASIC").upper()
        if kind not in UPLOAD_KINDS:
            raise refusal(400, "invalid_parameter", f"Unknown type {kind}", "type")
        received = self._receive_file(request)
        try:
            upload = self._store.receive(
                request.counter.counter_id,
                received,
                comment=comment,
                kind=kind,
                client_id_type=request.query.get("client_id_type", "CLIENT_ID"),
            )
        finally:
            received.unlink(missing_ok=True)
        return Answer({"uploading": self._store.show(upload)}, is_lost=self._board.take("lost_upload_replies"))

    def list_uploads(self, request: ApiRequest) -> Answer:
        """GET offline_conversions/uploadings."""
        offset = _count(request, "offset", 0)
        limit = min(_count(request, "limit", LIST_LIMIT), LIST_LIMIT)
        found = self._store.all(request.counter.counter_id)[offset : offset + limit]
        return Answer({"uploadings": [self._store.show(one) for one in found]})

    def one_upload(self, request: ApiRequest) -> Answer:
        """GET offline_conversions/uploading/{id}."""
        found = self._store.find(request.counter.counter_id, request.path_values[0])
        if found is None:
            raise refusal(404, "not_found", f"Entity not found: uploading {request.path_values[0]}")
        return Answer({"uploading": self._store.show(found)})

    def _receive_file(self, request: ApiRequest) -> Path:
        """Stream the multipart field ``file`` to disk."""
        if request.body.size_bytes > MAX_FILE_BYTES:
            raise refusal(400, "limit_exceeded", "The file is larger than 1 GB.", "file")
        descriptor, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
        found: list[bool] = []

        def on_file(part: File) -> None:
            """Take the file's bytes as they arrive."""
            if part.field_name == b"file":
                part.file_object.seek(0)
                while chunk := part.file_object.read(CHUNK_BYTES):
                    os.write(descriptor, chunk)
                found.append(True)
            part.close()

        try:
            self._parse(request, on_file)
        finally:
            os.close(descriptor)
        if not found:
            Path(name).unlink()
            raise refusal(400, "missing_parameter", "The multipart field file is required", "file")
        return Path(name)

    def _parse(self, request: ApiRequest, on_file: object) -> None:
        headers = {"Content-Type": request.headers.get("content-type", "").encode()}
        try:
            parser = python_multipart.create_form_parser(headers, _ignore_field, on_file)  # type: ignore[arg-type]
            while chunk := request.body.read(CHUNK_BYTES):
                parser.write(chunk)
            parser.finalize()
        except (FormParserError, ValueError) as error:
            raise refusal(400, "invalid_uploading", f"The body is not a form: {error}", "file") from None


def _ignore_field(field: Field) -> None:
    """Plain fields of the form mean nothing to the API."""


def _count(request: ApiRequest, name: str, default: int) -> int:
    text = request.query.get(name, "")
    if text and not text.isdigit():
        raise refusal(400, "invalid_parameter", f"{name} is not a number: {text}", name)
    return int(text) if text else default
