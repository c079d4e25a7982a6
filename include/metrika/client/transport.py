"""Sends one HTTP request to Metrika and says plainly what became of it.

The token is put into the header at the last moment and taken out of everything that outlives the
send. Errors of the HTTP library carry the request with its header, so none of them leaves this
module, not even as the context of another error: what went wrong is returned as words.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

from include.errors import ConfigError
from include.secret import MASK, Secret

CONNECT_SECONDS, READ_SECONDS = 10.0, 120.0
UPLOAD_READ_SECONDS = 600.0  # Metrika reads a file of up to 1 GB before it answers
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
READ_BYTES = 1 << 16
AGENT = "counterflow"
LONG_TOKEN_CHARACTERS, WORD_TOKEN_CHARACTERS = 16, 4
JSON_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": AGENT}


@dataclass(frozen=True)
class HttpCall:
    """One request as it goes out.

    Attributes:
        method: GET or POST.
        path: path after the base address.
        params: query parameters.
        json: body to send as JSON, or None.
        data: body to stream, or None; has a length and ``read``.
        headers: headers beside the usual ones.
        is_streamed: leave the body of the answer on the wire.
        read_seconds: longest silence of the server.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    data: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_streamed: bool = False
    read_seconds: float = READ_SECONDS


@dataclass(frozen=True)
class NoAnswer:
    """A request that got no answer.

    Attributes:
        cause: what happened, as the end of "Metrika ...".
        is_sent: the request may have reached the server.
    """

    cause: str
    is_sent: bool


class TokenAuth(AuthBase):
    """Puts the token into the header; shows it to nobody.

    Args:
        secret: the OAuth token.
    """

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the header to a request that is about to be sent."""
        request.headers["Authorization"] = f"OAuth {self._secret.value}"
        return request


def check_token(token: Secret | None) -> Secret:
    """Refuse a token that cannot be one, before anything is sent.

    Args:
        token: the setting.

    Returns:
        The token without spaces around it.

    Raises:
        ConfigError: missing, or holding characters that no token has; the text is not shown.
    """
    if token is None or not token.value.strip():
        raise ConfigError(
            "No Metrika token is set: put an OAuth token into METRIKA_TOKEN or the connection metrika_default."
        )
    checked = Secret(token.value.strip())
    if not _is_sendable(checked):
        raise ConfigError("METRIKA_TOKEN holds a space, a line end or a letter outside ASCII; paste it again.")
    return checked


def _is_sendable(secret: Secret) -> bool:
    """Whether a header can carry it; of a line end the HTTP library would quote the whole header."""
    return secret.value.isascii() and secret.value.isprintable() and " " not in secret.value


def without_token(body: bytes, token: Secret) -> bytes:
    """Mask the token should the server have repeated it.

    Args:
        body: decoded bytes of an answer.
        token: the token.

    Returns:
        The body. A short token is masked as a whole word only and a tiny one never: a local server may
        take `t`, and every answer has that letter in the names of its keys.
    """
    text = token.value.encode()
    if len(text) >= LONG_TOKEN_CHARACTERS:
        return body.replace(text, MASK.encode())
    if len(text) < WORD_TOKEN_CHARACTERS or text.isdigit():
        return body
    return re.sub(rb"(?<![\w-])" + re.escape(text) + rb"(?![\w-])(?!\"\s*:)", MASK.encode(), body)


class Transport:
    """HTTP sessions towards one address, one for each thread and process.

    Args:
        api_url: base address.
        token: OAuth token, already checked.
    """

    def __init__(self, api_url: str, token: Secret) -> None:
        parts = urlsplit(api_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("METRIKA_API_URL must look like https://api-metrika.yandex.net.")
        self._base = api_url.rstrip("/")
        self.host = parts.netloc.rpartition("@")[2]
        self._is_local = parts.hostname in LOOPBACK
        self._token = token
        self._local = threading.local()

    def __reduce__(self) -> str:
        """Refuse to be pickled: the token would go along."""
        raise TypeError("A Metrika session is not pickled; make one from the settings where it is used.")

    def read(self, answer: requests.Response) -> bytes | None:
        """Read the whole body of an answer, without the token should the server have repeated it.

        Args:
            answer: from :meth:`send`.

        Returns:
            Decoded bytes, or None when the connection broke before the end.
        """
        try:
            return without_token(answer.content, self._token)
        except (requests.RequestException, OSError):
            return None

    def send(self, call: HttpCall) -> requests.Response | NoAnswer:
        """Send one request; redirects are not followed.

        Args:
            call: the request.

        Returns:
            The answer, whatever its status, or what happened instead.
        """
        try:
            answer = self._session().request(
                call.method, self._base + call.path, params=call.params, json=call.json, data=call.data,
                headers=call.headers, stream=call.is_streamed, allow_redirects=False,
                timeout=(CONNECT_SECONDS, call.read_seconds),
            )  # fmt: skip
        except (requests.RequestException, HTTPError, OSError) as error:
            return self._no_answer(error, call)
        answer.request.headers.pop("Authorization", None)
        return answer

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None or self._local.pid != os.getpid():
            session = requests.Session()
            session.auth = TokenAuth(self._token)  # an explicit one, or ~/.netrc would replace the header
            session.headers.update(JSON_HEADERS)
            session.trust_env = not self._is_local  # no proxy is asked for this machine
            for scheme in ("http://", "https://"):
                session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=4, max_retries=0))
            self._local.session, self._local.pid = session, os.getpid()
        return session

    def _no_answer(self, error: Exception, call: HttpCall) -> NoAnswer:
        if isinstance(error, requests.exceptions.SSLError):
            return NoAnswer(f"at {self.host} has a certificate that cannot be trusted", is_sent=False)
        if isinstance(error, requests.exceptions.ProxyError):
            return NoAnswer(f"at {self.host} cannot be reached through the proxy", is_sent=False)
        if isinstance(error, requests.exceptions.ConnectTimeout):
            return NoAnswer(f"at {self.host} did not accept a connection in {CONNECT_SECONDS:g} s", is_sent=False)
        if isinstance(error, requests.exceptions.Timeout):
            return NoAnswer(f"at {self.host} was silent for {call.read_seconds:g} s", is_sent=True)
        if isinstance(error, requests.ConnectionError) and _is_refused(error):
            return NoAnswer(f"cannot be reached at {self.host}", is_sent=False)
        return NoAnswer(f"at {self.host} broke the connection", is_sent=True)


def _is_refused(error: requests.ConnectionError) -> bool:
    inner = error.args[0] if error.args else None
    return isinstance(inner, MaxRetryError) and isinstance(inner.reason, NewConnectionError)


def iter_undecoded(answer: requests.Response) -> Iterator[bytes | NoAnswer]:
    """Read the body of a streamed answer as it came over the wire.

    Args:
        answer: from :meth:`Transport.send` with ``is_streamed``.

    Yields:
        Blocks of bytes, still compressed if they were; last of all NoAnswer when the connection broke.
    """
    blocks = answer.raw.stream(READ_BYTES, decode_content=False)
    while True:
        try:
            block = next(blocks, b"")
        except ReadTimeoutError:
            yield NoAnswer("was silent in the middle of a download", is_sent=True)
            return
        except (HTTPError, OSError):
            yield NoAnswer("broke the connection in the middle of a download", is_sent=True)
            return
        if not block:
            return
        yield block
