"""An OpenID Connect issuer, Google's token info and Google's IAM, on this machine."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

_SCOPE = "https://www.googleapis.com/auth/"
AUDIENCE = "my-app"
LIFE = 3600
PATIENCE = 60
"""Seconds after which a test that waits fails."""

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
EMAIL = "https://www.googleapis.com/auth/userinfo.email"
INFO = {
    "azp": "112233",
    "aud": "112233",
    "sub": "ada",
    "scope": f"openid {EMAIL} {CLOUD_PLATFORM}",
    "exp": "1795309200",
    "expires_in": "3599",
    "email": "ada@example.com",
    "email_verified": "true",
}
ACCOUNT = {
    "azp": "104152637485960718293",
    "aud": "104152637485960718293",
    "scope": CLOUD_PLATFORM,
    "exp": "1795309200",
    "expires_in": "3599",
    "access_type": "online",
    "sub": "104152637485960718293",
    "email": "agent@test-project.iam.gserviceaccount.com",
    "email_verified": "true",
}
"""A service account's token; token info shows nothing below access_type without their scopes."""

_SCOPES = {"sub": {"openid"}, "email": {"email", f"{_SCOPE}userinfo.email"}}
_SCOPES["email_verified"] = _SCOPES["email"]
"""Claims that token info tells of tokens with one of these scopes alone."""


class Provider:
    """A test may change what it publishes at any time; `asked` counts requests by path.

    While the event `answers` is clear, requests are counted and wait.
    """

    def __init__(self) -> None:
        self.url = ""
        self.keys: dict[str, Any] = dict(_first_keys())
        self.published = ["rsa", "ec"]
        self.extra: dict[str, Any] = {}
        """Members of the published keys that are not as they should be."""
        self.is_down = False
        self.access_tokens: dict[str, dict[str, Any]] = {}
        """Token → what token info would tell of it, had it every scope."""
        self.granted: dict[str, set[str]] = {}
        """Token → permissions of its owner on every project."""
        self.iam_status = 200
        self.asked: Counter[str] = Counter()
        self.answers = threading.Event()
        self.answers.set()
        self._asking = threading.Condition()

    @property
    def token_info(self) -> str:
        return f"{self.url}/tokeninfo"

    def claims(self, now: float, **changes: Any) -> dict[str, Any]:
        """The claims of a good token of ada's; a change to None removes a claim."""
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + LIFE}
        return {name: value for name, value in {**claims, **changes}.items() if value is not None}

    def token(self, now: float, key: str = "rsa", **changes: Any) -> str:
        algorithm = "RS256" if isinstance(self.keys[key], rsa.RSAPrivateKey) else "ES256"
        claims = json.dumps(self.claims(now, **changes)).encode()
        return jwt.PyJWS().encode(claims, self.keys[key], algorithm, headers={"kid": key})

    def note(self, path: str) -> None:
        """Counts a request, and waits for the time of answers."""
        with self._asking:
            self.asked[path] += 1
            self._asking.notify_all()
        self.answers.wait()

    def wait_until_asked(self, path: str, times: int) -> None:
        """Until that many requests for the path have come."""
        with self._asking:
            assert self._asking.wait_for(lambda: self.asked[path] >= times, PATIENCE)

    def answer(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if self.is_down:
            return 500, {}
        if path == "/.well-known/openid-configuration":
            return 200, {"issuer": self.url, "jwks_uri": f"{self.url}/keys"}
        if path == "/keys":
            return 200, {"keys": [self.public(name) for name in self.published]}
        found = self.access_tokens.get(form.get("access_token", ""))
        if not found:
            return 400, {"error": "invalid_token"}
        scopes = set(str(found.get("scope", "")).split())
        hidden = {claim for claim, needed in _SCOPES.items() if not needed & scopes}
        return 200, {claim: value for claim, value in found.items() if claim not in hidden}

    def permissions(self, token: str, body: dict[str, Any]) -> tuple[int, Any]:
        """The answer of projects.testIamPermissions: which of the permissions the owner has."""
        if self.is_down or self.iam_status != 200:
            return 500 if self.is_down else self.iam_status, {"error": {"message": "no"}}
        if token not in self.granted:
            return 401, {"error": {"status": "UNAUTHENTICATED"}}
        held = [each for each in body["permissions"] if each in self.granted[token]]
        return 200, {"permissions": held} if held else {}

    def public(self, name: str) -> dict[str, Any]:
        key = self.keys[name]
        kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
        found = json.loads(kind.to_jwk(key.public_key()))
        return {"kty": found["kty"], **found, "kid": name, "use": "sig", **self.extra}


@cache
def _first_keys() -> dict[str, Any]:
    """Made once, since it takes long."""
    return {"rsa": new_rsa(), "ec": ec.generate_private_key(ec.SECP256R1())}


def new_rsa(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def part(value: Any) -> str:
    """One part of a JWT."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@contextmanager
def providing() -> Iterator[Provider]:
    """Serves a provider of its own until the block ends."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            provider.note(self.path)
            if self.path.endswith(":testIamPermissions"):
                token = self.headers["Authorization"].removeprefix("Bearer ")
                status, answer = provider.permissions(token, json.loads(sent))
            else:
                form = {name: values[0] for name, values in parse_qs(sent.decode()).items()}
                status, answer = provider.answer(self.path, form)
            body = json.dumps(answer).encode()
            # Who asked may have given up.
            with suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        provider.answers.set()
        server.shutdown()
        server.server_close()
        thread.join()
