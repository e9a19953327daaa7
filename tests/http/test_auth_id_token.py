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
from tests.http.door import START, Door, open_door
from tests.http.identity_provider import AUDIENCE, LIFE, Provider, new_rsa, part, providing

HOUR = 3600
SKEW = 30


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as running:
        yield running


@pytest.fixture
def door(provider: Provider, tmp_path: Path) -> Door:
    return open_door(
        tmp_path,
        auth="id_token",
        auth_issuers=f"https://unreachable.invalid,{provider.url}",
        auth_audiences=f"somebody,{AUDIENCE}",
    )


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_a_good_token_makes_its_subject_the_caller(
    door: Door, provider: Provider, key: str
) -> None:
    assert door.is_user({"Authorization": f"Bearer {provider.token(START, key)}"}, "ada")
    assert door.status({"Authorization": f"bearer  {provider.token(START, key)} "}) == 200
    assert door.status(access_token=provider.token(START, key)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["x", AUDIENCE]},
        {"iat": None},
        {"nbf": START},
        {"nbf": START + SKEW},
        {"exp": START - SKEW + 1},
        {"exp": START + 0.5},
    ],
    ids=str,
)
def test_a_good_token_may_look_so(door: Door, provider: Provider, changes: dict[str, Any]) -> None:
    assert door.bearer(provider.token(START, **changes)) == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": START - SKEW},
        {"exp": "never"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"nbf": START + SKEW + 1},
        {"nbf": "now"},
        {"iat": START + SKEW + 1},
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
    door: Door, provider: Provider, changes: dict[str, Any]
) -> None:
    assert door.bearer(provider.token(START)) == 200
    assert door.bearer(provider.token(START, **changes)) == 401


def hs256_with_the_public_key(provider: Provider) -> str:
    public = provider.keys["rsa"].public_key()
    secret = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    signed = f"{part({'alg': 'HS256', 'kid': 'rsa'})}.{part(provider.claims(START))}"
    return f"{signed}.{part(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def unsigned(provider: Provider, alg: str) -> str:
    return f"{part({'alg': alg, 'kid': 'rsa'})}.{part(provider.claims(START))}."


def with_other_claims(provider: Provider) -> str:
    head, _, signature = provider.token(START).split(".")
    return f"{head}.{part(provider.claims(START, sub='bob'))}.{signature}"


def by_another_key(provider: Provider) -> str:
    return jwt.encode(provider.claims(START), new_rsa(), "RS256", headers={"kid": "rsa"})


def by(algorithm: str) -> Callable[[Provider], str]:
    return lambda provider: jwt.encode(
        provider.claims(START), provider.keys["rsa"], algorithm, headers={"kid": "rsa"}
    )


def with_its_own_key(provider: Provider) -> str:
    own = ec.generate_private_key(ec.SECP256R1())
    jwk = jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)
    head = {"kid": "rsa", "jwk": jwk, "jku": f"{provider.url}/evil", "x5u": "https://x"}
    return jwt.encode(provider.claims(START), own, "ES256", headers=head)


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
        provider.claims(START), provider.keys["ec"], "ES256", headers={"kid": "rsa"}
    ),
    "an unknown key": lambda provider: jwt.encode(
        provider.claims(START), provider.keys["rsa"], "RS256", headers={"kid": "new"}
    ),
    "no key's id": lambda provider: jwt.encode(
        provider.claims(START), provider.keys["rsa"], "RS256"
    ),
    "no claims": lambda provider: f"{part({'alg': 'RS256', 'kid': 'rsa'})}.{part([])}.{'x' * 90}",
    "no JSON": lambda provider: f"eyJ.{part(b'{{{{')}.{'x' * 90}",
    "deep JSON": lambda provider: f"{part(b'[' * 5000)}.{part(b'[' * 5000)}.x",
    "a long one": lambda provider: provider.token(START, name="x" * 20_000),
    "dots": lambda provider: "ey..",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_refused(door: Door, provider: Provider, forgery: str) -> None:
    answer = door.knock({"Authorization": f"Bearer {FORGERIES[forgery](provider)}"})
    assert answer.status_code == 401
    assert (answer.json or {})["error"]["status"] == "UNAUTHENTICATED"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sessions", error="invalid_token"'


@pytest.mark.parametrize("member", [{"use": "enc"}, {"alg": "RS512"}, {"kty": "oct"}], ids=str)
def test_a_key_for_something_else_verifies_nothing(
    door: Door, provider: Provider, member: dict[str, str]
) -> None:
    provider.extra = member
    assert door.bearer(provider.token(START)) == 401


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits")
def test_a_weak_key_verifies_nothing(door: Door, provider: Provider) -> None:
    provider.keys["rsa"] = new_rsa(1024)
    assert door.bearer(provider.token(START)) == 401


def test_the_only_key_needs_no_id(door: Door, provider: Provider) -> None:
    provider.published = ["rsa"]
    token = jwt.encode(provider.claims(START), provider.keys["rsa"], "RS256")
    assert door.bearer(token) == 200


def test_keys_are_fetched_once_an_hour(door: Door, provider: Provider) -> None:
    token = provider.token(START, exp=START + 2 * HOUR)
    for _ in range(3):
        assert door.bearer(token) == 200
    door.now += HOUR - 1
    assert door.bearer(token) == 200
    assert provider.asked["/keys"] == 1
    door.now += 1
    assert door.bearer(token) == 200
    assert provider.asked["/keys"] == 2


def test_a_new_key_is_found_at_once_and_an_old_one_forgotten(
    door: Door, provider: Provider
) -> None:
    old = provider.token(START, exp=START + 9 * HOUR)
    assert door.bearer(old) == 200
    provider.keys["new"] = new_rsa()
    provider.published = ["new"]
    assert door.bearer(provider.token(START, "new")) == 200
    assert door.bearer(old) == 401


def test_made_up_keys_are_looked_for_once_a_minute(door: Door, provider: Provider) -> None:
    assert door.bearer(provider.token(START)) == 200
    for number in range(5):
        made_up = jwt.encode(
            provider.claims(START),
            provider.keys["rsa"],
            headers={"kid": f"{number}"},
            algorithm="RS256",
        )
        assert door.bearer(made_up) == 401
    assert provider.asked["/keys"] == 2
    assert door.bearer(provider.token(START)) == 200
    door.now += 60
    assert door.bearer(made_up) == 401
    assert provider.asked["/keys"] == 3


def test_known_keys_stay_good_for_a_day_while_the_issuer_is_down(
    door: Door, provider: Provider
) -> None:
    token = provider.token(START, exp=START + 99 * HOUR)
    assert door.bearer(token) == 200
    provider.is_down = True
    for _ in range(2):
        door.now += 12 * HOUR
        assert door.bearer(token) == 200
    door.now += HOUR
    assert door.bearer(token) == 503


def test_without_any_keys_it_is_nobodys_fault_and_soon_asked_again(
    door: Door, provider: Provider
) -> None:
    """503, not 401: the token may be good. A dead issuer rests five seconds from its failure on."""
    provider.is_down = True
    answers = [door.knock({"Authorization": f"Bearer {provider.token(START)}"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert provider.asked["/.well-known/openid-configuration"] == 1
    provider.is_down = False
    door.now += 5
    assert door.bearer(provider.token(START)) == 503
    door.now += 1
    assert door.bearer(provider.token(START)) == 200


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
    door: Door, provider: Provider, document: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = provider.answer

    def answer(path: str, form: dict[str, str]) -> tuple[int, Any]:
        if not path.startswith("/.well-known"):
            return own(path, form)
        if isinstance(document, list):
            return 200, document
        return 200, {name: text.replace("URL", provider.url) for name, text in document.items()}

    monkeypatch.setattr(provider, "answer", answer)
    assert door.bearer(provider.token(START)) == 503


def test_an_issuer_far_away_is_not_asked_for_tokens_of_another(
    door: Door, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token names its issuer, and only a configured one is asked."""
    asked: list[str] = []
    fetch = Issuer._fetch
    monkeypatch.setattr(Issuer, "_fetch", lambda self: asked.append(self._url) or fetch(self))
    assert door.bearer(provider.token(START)) == 200
    assert door.bearer(provider.token(START, iss="http://127.0.0.1:1")) == 401
    assert asked == [provider.url]


def test_a_token_lasts_no_longer_than_it_says(door: Door, provider: Provider) -> None:
    """Though its key is known and it was good before."""
    token = provider.token(START)
    assert door.bearer(token) == 200
    door.now += LIFE + SKEW
    assert door.bearer(token) == 401
