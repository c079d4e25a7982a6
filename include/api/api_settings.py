"""Settings of the API alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from include.errors import ConfigError
from include.settings.reading import flag


@dataclass(frozen=True)
class ApiSettings:
    """How the API behaves.

    Attributes:
        accept_body_token: a caller may bring a Metrika token in a body.
        public_url: address of the API server as people reach it, for links; empty: the path alone.
        cors_origins: sites whose pages may call from a browser.
    """

    accept_body_token: bool = True
    public_url: str = ""
    cors_origins: tuple[str, ...] = ()

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> ApiSettings:
        """Read the settings.

        Args:
            environ: names and values.

        Returns:
            The settings.

        Raises:
            ConfigError: COUNTERFLOW_ACCEPT_BODY_TOKEN is neither true nor false, or COUNTERFLOW_CORS_ORIGINS
                holds something that is no origin.
        """
        accepts = flag(environ, "COUNTERFLOW_ACCEPT_BODY_TOKEN", default=True)
        public_url = (environ.get("COUNTERFLOW_PUBLIC_URL") or "").rstrip("/")
        return cls(accepts, public_url, _origins(environ.get("COUNTERFLOW_CORS_ORIGINS") or ""))

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


def _origins(text: str) -> tuple[str, ...]:
    found = [one.strip().rstrip("/").lower() for one in text.split(",") if one.strip()]
    for origin in found:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or f"{parts.scheme}://{parts.netloc}" != origin or "*" in origin:
            raise ConfigError(
                f"COUNTERFLOW_CORS_ORIGINS names {origin!r}; list origins such as https://shop.example, "
                "separated by commas, and no wildcard."
            )
    return tuple(dict.fromkeys(found))
