"""What the routes of one app share: the orchestrator, the settings, both stores."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine

from include.api.api_settings import ApiSettings
from include.api.orchestrator import Orchestrator
from include.api.signing import signing_key
from include.secret import Secret
from include.services.stores import Stores, open_stores, read_settings
from include.settings import Settings
from include.settings.accounts import accounts_from
from include.state.engine import connect_state


@dataclass(frozen=True)
class Locks:
    """Connections for locks alone: who waits for a lock never takes the connection its holder needs.

    Attributes:
        requests: locks of requests with an Idempotency-Key; taken first.
        jobs: locks of jobs; taken second.
    """

    requests: Engine
    jobs: Engine


class ApiContext:
    """Shared by all requests of a process; holds connections, no state.

    Args:
        orchestrator: whatever runs the jobs.
        environ: settings by name; the process environment when None.

    Raises:
        ConfigError: a setting of the API or of accounts cannot be used, such as a weak SECRET_KEY.
    """

    def __init__(self, orchestrator: Orchestrator, environ: Mapping[str, str] | None = None) -> None:
        self.orchestrator = orchestrator
        self._environ = environ
        self.api = ApiSettings.from_env(os.environ if environ is None else environ)
        self.accounts = accounts_from(os.environ if environ is None else environ)
        self._signing_key: Secret | None = None
        self._stores: Stores | None = None
        self._locks: Locks | None = None
        self._opening = threading.Lock()

    @property
    def settings(self) -> Settings:
        """Settings as they are now: stored connections win over the environment.

        Raises:
            ConfigError: one of them cannot be read.
        """
        environ = os.environ if self._environ is None else self._environ
        return read_settings({**environ, **self.orchestrator.environment()})

    @property
    def signing_key(self) -> Secret:
        """The key that signs access tokens.

        Raises:
            ConfigError: a setting cannot be read.
            StoreUnavailable: this machine cannot keep a key of its own.
        """
        with self._opening:
            if self._signing_key is None:
                self._signing_key = signing_key(self.accounts, self.settings.local_dir)
            return self._signing_key

    @property
    def stores(self) -> Stores:
        """Both stores, opened by the first request that needs them.

        Raises:
            ConfigError: no address is known.
            StoreUnavailable: PostgreSQL does not answer.
        """
        with self._opening:
            if self._stores is None:
                self._stores = open_stores(self.settings)
            return self._stores

    @property
    def locks(self) -> Locks:
        """Engines for locks, beside the one for work.

        Raises:
            ConfigError: no address is known.
            StoreUnavailable: PostgreSQL does not answer.
        """
        url = self.stores.state.url.render_as_string(hide_password=False)
        with self._opening:
            if self._locks is None:
                self._locks = Locks(connect_state(Secret(url)), connect_state(Secret(url)))
            return self._locks

    def close(self) -> None:
        """Give the connections back."""
        with self._opening:
            engines = [self._stores.state] if self._stores else []
            engines += [self._locks.requests, self._locks.jobs] if self._locks else []
            for engine in engines:
                engine.dispose()
            self._stores = self._locks = None
