"""AUTH=id_token: tokens of an OpenID Connect issuer, good ones and forged ones."""

import hashlib
import hmac
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from functions.api.auth.issuer import Issuer
from tests.support.api import SECOND, START_SECONDS
from tests.support.authentication import SESSIONS_PATH, AuthApi, open_api
from tests.support.google.identity_provider import (
    AUDIENCE,
    LIFE,
    Provider,
    new_rsa,
    part,
    providing,
)

HOUR = 3600
SKEW = 30


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as running:
        yield running


@pytest.fixture
def api(provider: Provider, tmp_path: Path) -> AuthApi:
    return open_api(
        tmp_path,
        auth="id_token",
        auth_issuers=f"https://unreachable.invalid,{provider.url}",
        auth_audiences=f"somebody,{AUDIENCE}",
    )


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_a_good_token_makes_its_subject_the_caller(
    api: AuthApi, provider: Provider, key: str
) -> None:
    assert api.is_user({"Authorization": f"Bearer {provider.token(START_SECONDS, key)}"}, "ada")
    assert api.status({"Authorization": f"bearer  {provider.token(START_SECONDS, key)} "}) == 200
    assert api.status(access_token=provider.token(START_SECONDS, key)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["x", AUDIENCE]},
        {"iat": None},
        {"nbf": START_SECONDS},
        {"nbf": START_SECONDS + SKEW},
        {"exp": START_SECONDS - SKEW + 1},
        {"exp": START_SECONDS + 0.5},
    ],
    ids=str,
)
def test_a_good_token_may_look_so(
    api: AuthApi, provider: Provider, changes: dict[str, Any]
) -> None:
    assert api.bearer(provider.token(START_SECONDS, **changes)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": START_SECONDS - SKEW},
        {"exp": "never"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"nbf": START_SECONDS + SKEW + 1},
        {"nbf": "now"},
        {"iat": START_SECONDS + SKEW + 1},
        {"aud": None},
        {"aud": "another"},
        {"aud": []},
        {"aud": {AUDIENCE: True}},
        {"iss": None},
        {"iss": "https://evil.example"},
        {"iss": ["https://evil.example"]},
    ],
    ids=lambda changes: str(changes)[:40],
)
def test_a_token_with_wrong_claims_is_refused(
    api: AuthApi, provider: Provider, changes: dict[str, Any]
) -> None:
    assert api.bearer(provider.token(START_SECONDS)) == 200
    assert api.bearer(provider.token(START_SECONDS, **changes)) == 401


def hs256_with_the_public_key(provider: Provider) -> str:
    public = provider.keys["rsa"].public_key()
    secret = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(provider.claims(START_SECONDS))}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def unsigned(provider: Provider, alg: str) -> str:
    return f"{part({'alg': alg, 'kid': 'rsa'})}.{part(provider.claims(START_SECONDS))}."


def with_other_claims(provider: Provider) -> str:
    head, _, signature = provider.token(START_SECONDS).split(".")
    return f"{head}.{part(provider.claims(START_SECONDS, sub='bob'))}.{signature}"


def by_another_key(provider: Provider) -> str:
    return jwt.encode(provider.claims(START_SECONDS), new_rsa(), "RS256", headers={"kid": "rsa"})


def by(algorithm: str) -> Callable[[Provider], str]:
    return lambda provider: jwt.encode(
        provider.claims(START_SECONDS), provider.keys["rsa"], algorithm, headers={"kid": "rsa"}
    )


def with_its_own_key(provider: Provider) -> str:
    own = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
    head = {"kid": "rsa", "jwk": jwk, "jku": f"{provider.url}/evil", "x5u": "https://x"}
    return jwt.encode(provider.claims(START_SECONDS), own, "ES256", headers=head)


FORGERIES: dict[str, Callable[[Provider], str]] = {
    "alg none": lambda provider: unsigned(provider, "none"),
    "alg None": lambda provider: unsigned(provider, "None"),
    "no signature": lambda provider: unsigned(provider, "RS256"),
    "Cloud Run's mark": lambda provider: (
        unsigned(provider, "RS256") + "SIGNATURE_REMOVED_BY_GOOGLE"
    ),
    "HS256 with the public key": hs256_with_the_public_key,
    "other claims": with_other_claims,
    "another key": by_another_key,
    "its own key": with_its_own_key,
    "PS256": by("PS256"),
    "RS512": by("RS512"),
    "ES256 under an RSA key's id": lambda provider: jwt.encode(
        provider.claims(START_SECONDS), provider.keys["ec"], "ES256", headers={"kid": "rsa"}
    ),
    "an unknown key": lambda provider: jwt.encode(
        provider.claims(START_SECONDS), provider.keys["rsa"], "RS256", headers={"kid": "new"}
    ),
    "no key's id": lambda provider: jwt.encode(
        provider.claims(START_SECONDS), provider.keys["rsa"], "RS256"
    ),
    "no claims": lambda provider: f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{part([])}.{'x' * 90}",
    "no JSON": lambda provider: f"eyJ.{part(b'{{{{')}.{'x' * 90}",
    "deep JSON": lambda provider: f"{part(b'[' * 5000)}.{part(b'[' * 5000)}.x",
    "a long one": lambda provider: provider.token(START_SECONDS, name="x" * 20_000),
    "dots": lambda provider: "ey..",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused(api: AuthApi, provider: Provider, forgery: str) -> None:
    answer = api.send(
        "GET", SESSIONS_PATH, headers={"Authorization": f"Bearer {FORGERIES[forgery](provider)}"}
    )
    assert answer.status_code == 401
    assert (answer.json or {})["error"]["status"] == "UNAUTHENTICATED"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sessions", error="invalid_token"'


@pytest.mark.parametrize("member", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}], ids=str)
def test_a_key_for_something_else_verifies_nothing(
    api: AuthApi, provider: Provider, member: dict[str, str]
) -> None:
    provider.extra = member
    assert api.bearer(provider.token(START_SECONDS)) == 401


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_a_weak_key_verifies_nothing(api: AuthApi, provider: Provider) -> None:
    provider.keys["rsa"] = new_rsa(1024)
    assert api.bearer(provider.token(START_SECONDS)) == 401


def test_the_only_key_needs_no_id(api: AuthApi, provider: Provider) -> None:
    provider.published = ["rsa"]
    token = jwt.encode(provider.claims(START_SECONDS), provider.keys["rsa"], "RS256")
    assert api.bearer(token) == 200


def test_keys_are_fetched_once_an_hour(api: AuthApi, provider: Provider) -> None:
    token = provider.token(START_SECONDS, exp=START_SECONDS + 2 * HOUR)
    for _ in range(3):
        assert api.bearer(token) == 200
    api.now += (HOUR - 1) * SECOND
    assert api.bearer(token) == 200
    assert provider.asked["/keys"] == 1
    api.now += SECOND
    assert api.bearer(token) == 200
    assert provider.asked["/keys"] == 2


def test_a_new_key_is_found_at_once_and_an_old_one_forgotten(
    api: AuthApi, provider: Provider
) -> None:
    old = provider.token(START_SECONDS, exp=START_SECONDS + 9 * HOUR)
    assert api.bearer(old) == 200
    provider.keys["new"] = new_rsa()
    provider.published = ["new"]
    assert api.bearer(provider.token(START_SECONDS, "new")) == 200
    assert api.bearer(old) == 401


def test_made_up_keys_are_looked_for_once_a_minute(api: AuthApi, provider: Provider) -> None:
    assert api.bearer(provider.token(START_SECONDS)) == 200
    for number in range(5):
        made_up = jwt.encode(
            provider.claims(START_SECONDS),
            provider.keys["rsa"],
            headers={"kid": f"{number}"},
            algorithm="RS256",
        )
        assert api.bearer(made_up) == 401
    assert provider.asked["/keys"] == 2
    assert api.bearer(provider.token(START_SECONDS)) == 200
    api.now += 60 * SECOND
    assert api.bearer(made_up) == 401
    assert provider.asked["/keys"] == 3


def test_known_keys_stay_good_for_a_day_while_the_issuer_is_down(
    api: AuthApi, provider: Provider
) -> None:
    token = provider.token(START_SECONDS, exp=START_SECONDS + 99 * HOUR)
    assert api.bearer(token) == 200
    provider.is_down = True
    for _ in range(2):
        api.now += 12 * HOUR * SECOND
        assert api.bearer(token) == 200
    api.now += HOUR * SECOND
    assert api.bearer(token) == 503


def test_without_any_keys_it_is_nobodys_fault_and_soon_asked_again(
    api: AuthApi, provider: Provider
) -> None:
    """503, not 401: the token may be good. A dead issuer rests five seconds from its failure on."""
    provider.is_down = True
    answers = [
        api.send(
            "GET",
            SESSIONS_PATH,
            headers={"Authorization": f"Bearer {provider.token(START_SECONDS)}"},
        )
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert provider.asked["/.well-known/openid-configuration"] == 1
    provider.is_down = False
    api.now += 5 * SECOND
    assert api.bearer(provider.token(START_SECONDS)) == 503
    api.now += SECOND
    assert api.bearer(provider.token(START_SECONDS)) == 200


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example", "jwks_uri": "URL/keys"},
        {"issuer": "URL", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "URL", "jwks_uri": "ftp://127.0.0.1/keys"},
        {"issuer": "URL"},
        [],
    ],
    ids=str,
)
def test_a_discovery_document_that_is_not_its_own_gives_no_keys(
    api: AuthApi, provider: Provider, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = provider.answer

    def answer(path: str, form: dict[str, str]) -> tuple[int, Any]:
        if not path.startswith("/.well-known"):
            return own(path, form)
        if isinstance(document, list):
            return 200, document
        return 200, {name: text.replace("URL", provider.url) for name, text in document.items()}

    monkeypatch.setattr(provider, "answer", answer)
    assert api.bearer(provider.token(START_SECONDS)) == 503


def test_an_issuer_far_away_is_not_asked_for_tokens_of_another(
    api: AuthApi, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token names its issuer, and only a configured one is asked."""
    asked: list[str] = []
    fetch = Issuer._fetch
    monkeypatch.setattr(Issuer, "_fetch", lambda self: asked.append(self._url) or fetch(self))
    assert api.bearer(provider.token(START_SECONDS)) == 200
    assert api.bearer(provider.token(START_SECONDS, iss="http://127.0.0.1:1")) == 401
    assert asked == [provider.url]


def test_a_token_lasts_no_longer_than_it_says(api: AuthApi, provider: Provider) -> None:
    """Though its key is known and it was good before."""
    token = provider.token(START_SECONDS)
    assert api.bearer(token) == 200
    api.now += (LIFE + SKEW) * SECOND
    assert api.bearer(token) == 401
