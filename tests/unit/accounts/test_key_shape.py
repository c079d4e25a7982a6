"""API keys as text: their form, their randomness, and how they are compared."""

from __future__ import annotations

import datetime as dt
import pickle
import secrets

import pytest

from include.accounts.key_shape import ApiKey, digest_of, new_key, prefix_of
from include.secret import Secret

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def key_of(secret: Secret, **changes: dt.datetime) -> ApiKey:
    fields = {"expires_at": None, "revoked_at": None, "last_used_at": None} | changes
    return ApiKey(
        "1", "default", prefix_of(secret) or "", ("ingest",), "", "command", NOW, secret_sha256=digest_of(secret),
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip


class TestNewKey:
    def test_should_differ_in_every_part_when_made_often(self) -> None:
        made = [new_key() for _ in range(500)]
        assert len({secret.value.rpartition("_")[2] for _, secret in made}) == 500
        assert len(set("".join(secret.value.rpartition("_")[2] for _, secret in made))) == 62

    def test_should_find_its_prefix_when_presented(self) -> None:
        prefix, secret = new_key()
        assert prefix_of(secret) == prefix


class TestOpensWith:
    def test_should_compare_whole_digests_when_anything_differs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        compared: list[tuple[int, int]] = []
        compare = secrets.compare_digest

        def watched(one: bytes, other: bytes) -> bool:
            compared.append((len(one), len(other)))
            return compare(one, other)

        monkeypatch.setattr("include.accounts.key_shape.secrets.compare_digest", watched)
        _, secret = new_key()
        key = key_of(secret)
        others = [secret, Secret(f"x{secret.value[1:]}"), Secret(f"{secret.value[:-1]}é"), Secret("")]
        assert [key.opens_with(other) for other in others] == [True, False, False, False]
        assert compared == [(32, 32)] * 4


class TestIsActive:
    @pytest.mark.parametrize(
        ("changes", "is_active"),
        [({}, True), ({"expires_at": NOW}, False), ({"expires_at": NOW + dt.timedelta(seconds=1)}, True),
         ({"revoked_at": NOW}, False)],
    )  # fmt: skip
    def test_should_end_when_revoked_or_expired(self, changes: dict[str, dt.datetime], is_active: bool) -> None:
        assert key_of(new_key()[1], **changes).is_active(NOW) is is_active


class TestSecrecy:
    def test_should_not_travel_when_pickled(self) -> None:
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(new_key()[1])
