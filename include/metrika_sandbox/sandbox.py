"""One local Metrika put together: traffic, logs, uploads, quotas, figures."""

from __future__ import annotations

import datetime as dt
import shutil
import tempfile
from pathlib import Path
from typing import Any

from include.metrika_sandbox.behaviour.config import SandboxConfig
from include.metrika_sandbox.behaviour.fault_board import FaultBoard, Trouble
from include.metrika_sandbox.behaviour.quotas import QuotaKeeper
from include.metrika_sandbox.logs.log_store import LogStore
from include.metrika_sandbox.logs.logs_api import LogsApi
from include.metrika_sandbox.serving.gateway import Gateway, Meters, build_routes
from include.metrika_sandbox.traffic.choosing import open_traffic
from include.metrika_sandbox.traffic.late import LateEdits
from include.metrika_sandbox.traffic.source import TrafficSource
from include.metrika_sandbox.uploads.conversions import ConversionStore
from include.metrika_sandbox.uploads.conversions_api import ConversionsApi
from include.metrika_sandbox.uploads.goals import GoalStore
from include.metrika_sandbox.uploads.state_files import StateFiles


class Sandbox:
    """The whole state behind one server.

    Args:
        config: everything that decides what is served.
        traffic: rows to serve; None takes what the settings name.

    Raises:
        ConfigError: the traffic files of the settings cannot be used.
    """

    def __init__(self, config: SandboxConfig, traffic: TrafficSource | None = None) -> None:
        self.config = config
        self.board = FaultBoard(config.faults)
        self.traffic = traffic or open_traffic(config, self.board.now)
        self._folder = Path(tempfile.mkdtemp(prefix="metrika-sandbox-"))
        self.late = LateEdits(self.traffic)
        self.quotas = QuotaKeeper(self.board.now, config.clock)
        self.trouble = Trouble(self.board, self.quotas, config.seed)
        self.meters = Meters()
        self.logs = LogStore(config, self.board, self.traffic, self.late, self._folder / "logs")
        self.goals = GoalStore(config.goal_targets)
        files = StateFiles(config.state_dir or self._folder / "uploads", is_kept=config.state_dir is not None)
        self.conversions = ConversionStore(config, self.board, self.traffic, self.goals, files)
        api = ConversionsApi(config, self.board, self.conversions, self.goals, files.folder)
        self.gateway = Gateway(config, self.board, build_routes(LogsApi(config, self.board, self.logs), api))

    def close(self) -> None:
        """Stop background work and remove the prepared parts."""
        self.logs.close()
        self.conversions.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def edit_visits(self, counter_id: int, day: dt.date, visit_count: int) -> int:
        """Change visits of a day as late visits do; returns how many changed."""
        return self.late.add(counter_id, day, visit_count)

    def stats(self) -> dict[str, Any]:
        """Figures about everything seen and served.

        Returns:
            requests (by ``METHOD path``), statuses, quota_refusals (by type), most_in_flight and
            used_today (by login or counter), stored_bytes (by counter), log_requests (one entry each).
        """
        return {
            **self.meters.snapshot(),
            "quota_refusals": dict(self.quotas.refusals),
            "most_in_flight": dict(self.quotas.most_in_flight),
            "used_today": self.quotas.used_today(),
            "stored_bytes": {
                str(one.counter_id): self.logs.stored_bytes(one.counter_id) for one in self.config.counters
            },
            "log_requests": [
                {
                    "request_id": one.request_id,
                    "counter_id": one.counter_id,
                    "source": one.source,
                    "status": one.status,
                    "rows": one.rows_by_date.total(),
                    "rows_by_date": dict(one.rows_by_date),
                    "spoiled": dict(one.spoiled),
                    "parts": [part.row_count for part in one.parts or ()],
                    "downloads": one.downloads.total(),
                }
                for one in self.logs.all()
            ],
        }

    def uploads(self, counter_id: int) -> list[dict[str, Any]]:
        """Every upload of a counter, oldest first, with its rows as received."""
        return [
            {**self.conversions.show(one), "rows": list(one.rows())}
            for one in reversed(self.conversions.all(counter_id))
        ]
