"""Settings of the API alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from include.settings.reading import flag


@dataclass(frozen=True)
class ApiSettings:
    """How the API behaves.

    Attributes:
        accept_body_token: a caller may bring a Metrika token in a body.
        public_url: address of the API server as people reach it, for links; empty: the path alone.
    """

    accept_body_token: bool = True
    public_url: str = ""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> ApiSettings:
        """Read the settings.

        Args:
            environ: names and values.

        Returns:
            The settings.

        Raises:
            ConfigError: COUNTERFLOW_ACCEPT_BODY_TOKEN is neither true nor false.
        """
        accepts = flag(environ, "COUNTERFLOW_ACCEPT_BODY_TOKEN", default=True)
        return cls(accepts, (environ.get("COUNTERFLOW_PUBLIC_URL") or "").rstrip("/"))

    def link(self, root_path: str, path: str) -> str:
        """Build an address for people; never from the Host header.

        Args:
            root_path: path under which the app is mounted.
            path: path below it.

        Returns:
            An absolute address, or the path when no public address is configured.

        >>> ApiSettings(public_url="https://flow.example/").link("/counterflow", "/tasks/a/status")
        'https://flow.example/counterflow/tasks/a/status'
        """
        parts = urlsplit(self.public_url)
        origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        return f"{origin}{root_path}{path}"
