"""A public client of the Logs API works against the sandbox with nothing changed but the host (M25)."""

from __future__ import annotations

import time

import pytest
from tapi_yandex_metrika import YandexMetrikaLogsapi, YandexMetrikaManagement
from tapi_yandex_metrika.tapi_yandex_metrika import YandexMetrikaClientAdapterAbstract

from include.metrika_sandbox.behaviour.config import DEMO_TOKEN, SandboxConfig
from include.metrika_sandbox.serving.server import run_sandbox

DAY = "2025-11-04"
FIELDS = "ym:s:visitID,ym:s:clientID,ym:s:date,ym:s:dateTime,ym:s:pageViews"


class TestM25Tapi:
    def test_should_export_every_row_when_tapi_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        config = SandboxConfig(visits_per_day=250, parts=3, queue_seconds=0.0)
        with run_sandbox(config, port=0) as sandbox:
            root = f"{sandbox.url}/"
            monkeypatch.setattr(
                YandexMetrikaClientAdapterAbstract, "get_api_root", lambda self, api_params, resource_name: root
            )
            client = YandexMetrikaLogsapi(
                access_token=DEMO_TOKEN, default_url_params={"counterId": 101}, wait_report=True
            )
            given = {"fields": FIELDS, "source": "visits", "date1": DAY, "date2": DAY}
            evaluation = client.evaluate().get(params=given)
            number = client.create().post(params=given)["log_request"]["request_id"]
            time.sleep(0.5)  # tapi itself waits ten seconds when its first look comes too early
            rows = [row for part in _parts(client, number) for row in part]
            client.clean(requestId=number).post()
            assert evaluation["log_request_evaluation"]["possible"] is True
            assert len({row[0] for row in rows}) == len(rows) == 250
            assert sandbox.stored_bytes(101) == 0

    def test_should_list_goals_when_tapi_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with run_sandbox(SandboxConfig(), port=0) as sandbox:
            root = f"{sandbox.url}/"
            monkeypatch.setattr(
                YandexMetrikaClientAdapterAbstract, "get_api_root", lambda self, api_params, resource_name: root
            )
            client = YandexMetrikaManagement(access_token=DEMO_TOKEN, default_url_params={"counterId": 101})
            goals = client.goals().get().data["goals"]
            assert "4plus" in [goal["conditions"][0]["url"] for goal in goals]


def _parts(client: YandexMetrikaLogsapi, number: int) -> list[list[list[str]]]:
    report = client.download(requestId=number).get()
    return [list(part().to_values()) for part in report().parts()]
