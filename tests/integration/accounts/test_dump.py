"""A dump of the database holds nothing that opens anything (A5)."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import replace

from sqlalchemy import Engine

from include.accounts.actors import COMMAND
from include.accounts.keys import create_key, find_key, rotate_key
from include.accounts.signing_in import change_password, reset_password
from include.secret import Secret
from include.services.engines.postgres_program import find_program
from tests.account_days import PASSWORD, SIGNING_KEY, People, refusal

DUMP_SECONDS = 60


def dump_of(engine: Engine) -> str:
    """The whole database as text, columns and all."""
    url = engine.url
    words = [
        str(find_program().bin_dir / "pg_dump"), "--host", str(url.host), "--port", str(url.port),
        "--username", str(url.username), "--inserts", str(url.database),
    ]  # fmt: skip
    environ = {**os.environ, "PGPASSWORD": str(url.password)}
    ran = subprocess.run(words, env=environ, capture_output=True, check=True, timeout=DUMP_SECONDS)
    return ran.stdout.decode()


def spellings(secret: Secret) -> set[str]:
    """The text itself, and as bytes are written."""
    data = secret.value.encode()
    return {secret.value, data.hex(), base64.b64encode(data).decode().rstrip("=")}


class TestDump:
    def test_should_hold_no_password_token_or_key_when_all_was_used(self, people: People) -> None:
        wrong, new, reset = (Secret(f"{word} pass phrase 4711") for word in ("wrong", "new", "reset"))
        account = people.register(name="Shown Name")
        refusal(people.sign_in, account.email, wrong, "192.0.2.1")
        refusal(people.sign_in, f"{wrong.value.replace(' ', '')}@typed.here", wrong)
        first = people.sign_in(account.email)
        second = people.refresh(first.refresh_token)
        refusal(people.refresh, first.refresh_token)
        third = people.sign_in(account.email)
        renewed = people.renew(people.check(third.access.token))
        change_password(people.engine, people.check(third.access.token), old=PASSWORD, new=new, now=people.now)
        reset_password(people.engine, account.user_id, reset, by=COMMAND, now=people.now)
        key, secret = create_key(
            people.engine, project="default", scopes=["ingest"], label="phone", created_by="command", now=people.now
        )
        find_key(people.engine, secret, now=people.now)
        _, rotated = rotate_key(
            people.engine, project="default", key_id=key.key_id, rotated_by="command", now=people.now
        )
        secrets = [PASSWORD, wrong, new, reset, SIGNING_KEY, secret, rotated, renewed.token]
        secrets += [given for pair in (first, second, third) for given in (pair.access.token, pair.refresh_token)]
        secrets += [replace(given, value=given.value.rpartition("_")[2]) for given in (secret, rotated)]
        dump = dump_of(people.engine)
        assert "Shown Name" in dump  # it is the whole database
        assert key.prefix in dump
        assert [given for given in secrets for spelling in spellings(given) if spelling in dump] == []
