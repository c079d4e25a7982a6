"""Hashes: how many at a time, and what they are compared with."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import argon2
import pytest

from include.accounts import passwords
from include.accounts.passwords import hash_password, is_password, wants_new_hash
from include.secret import Secret

WORKERS = 12


class CrowdedHasher(argon2.PasswordHasher):
    """Notes how many hashes are computed at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=2, memory_cost=1024, parallelism=1)
        self._lock = threading.Lock()
        self.working = self.most = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        with self._lock:
            self.working += 1
            self.most = max(self.most, self.working)
        try:
            return super().hash(password, salt=salt)
        finally:
            with self._lock:
                self.working -= 1


class TestHashPassword:
    def test_should_be_argon2id_with_a_salt_of_its_own_when_made(self) -> None:
        password = Secret("correct horse battery")
        first, second = hash_password(password), hash_password(password)
        assert first.startswith("$argon2id$v=19$")
        assert first != second
        assert not wants_new_hash(first)

    def test_should_keep_to_the_cores_when_many_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        crowded = CrowdedHasher()
        monkeypatch.setattr(passwords, "_hasher", crowded)
        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(lambda _: hash_password(Secret("correct horse")), range(3 * WORKERS)))
        assert 1 <= crowded.most <= (os.cpu_count() or 1)


class TestIsPassword:
    def test_should_be_false_when_there_is_nobody(self) -> None:
        assert is_password(Secret("correct horse battery"), None) is False

    @pytest.mark.parametrize("stored", ["", "x", "$argon2id$", "$argon2id$v=19$m=65536,t=3,p=4$AAAA$AAAA"])
    def test_should_be_false_when_the_hash_is_damaged(self, stored: str) -> None:
        assert is_password(Secret("correct horse battery"), stored) is False
