"""A plain HTTP client of one sandbox, as any program outside would write it."""

from __future__ import annotations

import csv
import io
import time
from typing import Any

import requests

from include.metrika_sandbox.behaviour.config import DEMO_TOKEN
from include.metrika_sandbox.serving.server import SandboxHandle

DAY = "2025-11-04"
FIELDS = "ym:s:visitID,ym:s:clientID,ym:s:watchIDs,ym:s:date,ym:s:dateTime,ym:s:visitDuration,ym:s:deviceCategory"


class Caller:
    """A plain HTTP client of one sandbox."""

    def __init__(self, sandbox: SandboxHandle, scheme: str = "OAuth", token: str = DEMO_TOKEN) -> None:
        self.sandbox = sandbox
        self.root = f"{sandbox.url}/management/v1/counter/101"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"{scheme} {token}"

    def get(self, path: str, **params: Any) -> requests.Response:
        return self.session.get(f"{self.root}{path}", params=params, timeout=10)

    def post(self, path: str, **params: Any) -> requests.Response:
        return self.session.post(f"{self.root}{path}", params=params, timeout=10)

    def order(self, source: str = "visits", fields: str = FIELDS, **changes: str) -> dict[str, Any]:
        given = {"date1": DAY, "date2": DAY, "source": source, "fields": fields} | changes
        answer = self.post("/logrequests", **given)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["log_request"])

    def status(self, request_id: int) -> dict[str, Any]:
        answer = self.get(f"/logrequest/{request_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["log_request"])

    def wait(self, request_id: int) -> dict[str, Any]:
        deadline = time.monotonic() + 10
        while (seen := self.status(request_id))["status"] in ("created", "awaiting_retry"):
            assert time.monotonic() < deadline, seen
            self.pause()
        return seen

    def pause(self) -> None:
        """Stay below 10 requests a second."""
        time.sleep(0.15)

    def part(self, request_id: int, number: int, **headers: str) -> requests.Response:
        url = f"{self.root}/logrequest/{request_id}/part/{number}/download"
        return self.session.get(url, headers=headers, timeout=10)

    def ready(self, **changes: str) -> dict[str, Any]:
        """Order a log and wait for it."""
        return self.wait(int(self.order(**changes)["request_id"]))

    def rows(self, number: int, part: int = 0) -> list[list[str]]:
        """Fields of each row of a part, as they stand in the TSV."""
        answer = self.part(number, part)
        assert answer.status_code == 200, answer.text
        body = answer.content.decode("utf-8", "surrogateescape")
        return [line.split("\t") for line in body.split("\n")[1:] if line]

    def send(
        self, rows: list[tuple[str, str, int]], *, comment: str = "batch1", kind: str = "ClientId"
    ) -> requests.Response:
        text = io.StringIO()
        csv.writer(text).writerows([(kind, "Target", "DateTime"), *rows])
        files = {"file": ("conversions.csv", text.getvalue())}
        url = f"{self.root}/offline_conversions/upload"
        return self.session.post(url, params={"comment": comment}, files=files, timeout=10)

    def upload(self, rows: list[tuple[str, str, int]], **more: str) -> dict[str, Any]:
        answer = self.send(rows, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["uploading"])

    def finished_upload(self, upload_id: int) -> dict[str, Any]:
        deadline = time.monotonic() + 10
        while True:
            seen = self.get(f"/offline_conversions/uploading/{upload_id}").json()["uploading"]
            if seen["status"] in ("PROCESSED", "LINKAGE_FAILURE"):
                return dict(seen)
            assert time.monotonic() < deadline, seen
            self.pause()
