from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from include.errors import InputError
from include.metrika.client.answers import AnswerLost
from include.metrika.client.conversions_api import ConversionsApi, find_goal
from include.metrika.client.session import MetrikaSession
from include.metrika_sandbox.behaviour.faults import Faults
from include.metrika_sandbox.serving.server import SandboxHandle

Serve = Callable[..., SandboxHandle]
Connect = Callable[..., MetrikaSession]
CSV = b"ClientId,Target,DateTime\n12345,4plus,1750885989\n"


class TestGoals:
    def test_should_find_the_target_when_the_goal_exists(self, serve: Serve, connect: Connect) -> None:
        goals = ConversionsApi(connect(serve().url)).goals(101)
        assert find_goal(goals, "4plus") is not None
        assert find_goal(goals, "4plu") is None

    def test_should_be_found_when_created(self, serve: Serve, connect: Connect) -> None:
        api = ConversionsApi(connect(serve(faults=Faults(no_goals=False), goal_targets=()).url))
        assert find_goal(api.goals(101), "fresh") is None
        created = api.create_goal(101, "fresh")
        found = find_goal(api.goals(101), "fresh")
        assert found is not None
        assert found.goal_id == created.goal_id


class TestUpload:
    @pytest.mark.parametrize("as_file", [True, False])
    def test_should_arrive_byte_for_byte_when_uploaded(
        self, serve: Serve, connect: Connect, tmp_path: Path, as_file: bool
    ) -> None:
        sandbox = serve()
        path = tmp_path / "conversions.csv"
        path.write_bytes(CSV)
        sent = ConversionsApi(connect(sandbox.url)).upload(101, path if as_file else CSV, "batch1")
        kept = sandbox.uploads(101)
        assert [one["id"] for one in kept] == [sent.upload_id]
        assert (sent.comment, sent.source_quantity, len(kept[0]["rows"])) == ("batch1", 1, 1)

    def test_should_send_no_identifier_kind_when_none_is_asked_for(
        self, scripted: Callable[..., Any], script_answer: Callable[..., Any], connect: Connect
    ) -> None:
        server = scripted(script_answer(200, '{"uploading": {"id": 1, "status": "PREPARED"}}'))
        api = ConversionsApi(connect(server.url))
        api.upload(101, CSV, "a")
        api.upload(101, CSV, "b", client_id_type="CLIENT_ID")
        paths = [asked["path"].partition("?")[2] for asked in server.seen]
        assert paths == ["comment=a", "comment=b&client_id_type=CLIENT_ID"]

    @pytest.mark.parametrize("comment", ["", "two words", "a-b", "a_b", "x" * 256, "line\n"])
    def test_should_refuse_before_sending_when_the_comment_cannot_be_one(
        self, serve: Serve, connect: Connect, comment: str
    ) -> None:
        sandbox = serve()
        with pytest.raises(InputError, match="digits and letters"):
            ConversionsApi(connect(sandbox.url)).upload(101, CSV, comment)
        assert sandbox.stats()["requests"] == {}

    def test_should_send_the_whole_file_again_when_the_quota_stopped_the_first_try(
        self, serve: Serve, connect: Connect
    ) -> None:
        sandbox = serve()
        sandbox.fail_next("/upload", status=429, error_type="quota_parallel_requests")
        ConversionsApi(connect(sandbox.url)).upload(101, CSV, "again")
        assert [len(one["rows"]) for one in sandbox.uploads(101)] == [1]


class TestM21LostUpload:
    def test_should_be_found_by_its_comment_when_the_answer_was_lost(self, serve: Serve, connect: Connect) -> None:
        sandbox = serve(faults=Faults(lost_upload_replies=1))
        api = ConversionsApi(connect(sandbox.url))
        with pytest.raises(AnswerLost):
            api.upload(101, CSV, "lost")
        found = api.find_uploading(101, "lost")
        assert found is not None
        assert len(sandbox.uploads(101)) == 1
        assert api.find_uploading(101, "los") is None


class TestUploadings:
    def test_should_list_and_show_the_same_when_asked_both_ways(self, serve: Serve, connect: Connect) -> None:
        api = ConversionsApi(connect(serve().url))
        sent = [api.upload(101, CSV, f"batch{number}") for number in range(3)]
        assert {one.upload_id for one in api.uploadings(101)} == {one.upload_id for one in sent}
        assert api.uploading(101, sent[1].upload_id).comment == "batch1"

    def test_should_leave_newer_quantities_open_when_metrika_does_not_send_them(
        self, serve: Serve, connect: Connect
    ) -> None:
        api = ConversionsApi(connect(serve(faults=Faults(newer_quantities=False)).url))
        sent = api.upload(101, CSV, "old")
        assert (sent.linked_quantity, sent.goal_not_found_quantity, sent.user_not_found_quantity) == (None,) * 3

    def test_should_ask_for_every_page_when_there_are_many(
        self, scripted: Callable[..., Any], connect: Connect
    ) -> None:
        def page(handler: Any) -> None:
            offset = int(handler.path.rpartition("offset=")[2])
            rows = [{"id": number, "comment": f"c{number}", "status": "PROCESSED"} for number in range(12_000)]
            body = json.dumps({"uploadings": rows[offset : offset + 10_000]}).encode()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

        api = ConversionsApi(connect(scripted(page).url))
        assert len(api.uploadings(101)) == 12_000
        assert api.find_uploading(101, "c11999") is not None
