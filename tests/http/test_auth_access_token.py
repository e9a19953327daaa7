"""AUTH=access_token: Google's OAuth 2.0 tokens, told by its token info."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.api.auth import access_token
from tests.support.api import SECOND
from tests.support.authentication import AuthApi, open_api
from tests.support.google.identity_provider import (
    ACCOUNT,
    CLOUD_PLATFORM,
    EMAIL,
    INFO,
    Provider,
    providing,
)

TOKEN = "ya29.c.a0AfH6SM-token_~+/=="
FIVE_MINUTES = 300


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as running:
        running.access_tokens[TOKEN] = dict(INFO)
        yield running


@pytest.fixture
def api(provider: Provider, tmp_path: Path) -> AuthApi:
    return open_api(tmp_path, auth="access_token", auth_tokeninfo_url=provider.token_info)


def test_a_token_that_google_knows_makes_its_owner_the_caller(
    api: AuthApi, provider: Provider
) -> None:
    assert api.is_user({"Authorization": f"Bearer {TOKEN}"}, "ada")
    assert api.status(access_token=TOKEN) == 200


def test_an_address_is_the_caller_where_the_policy_says_so(
    api: AuthApi, provider: Provider, tmp_path: Path
) -> None:
    admins = '[{"principal": "email:ada@example.com", "role": "admin"}]'
    for verified, is_admin in (("true", True), ("false", False)):
        provider.access_tokens[TOKEN]["email_verified"] = verified
        api = open_api(
            tmp_path,
            auth="access_token",
            auth_tokeninfo_url=f"{provider.token_info}?{verified}".replace("?", "/"),
            policy=admins,
        )
        assert api.is_admin({"Authorization": f"Bearer {TOKEN}"}) is is_admin


@pytest.mark.parametrize(
    ("principal", "is_admin"),
    [
        (f"claim:azp={ACCOUNT['azp']}", True),
        (f"email:{ACCOUNT['email']}", False),
        (f"claim:azp={INFO['azp']}", False),
    ],
)
def test_a_service_account_is_known_by_its_unique_id(
    provider: Provider, tmp_path: Path, principal: str, is_admin: bool
) -> None:
    """SDKs ask for cloud-platform alone, so that Google tells no address of such a token."""
    provider.access_tokens[TOKEN] = dict(ACCOUNT)
    api = open_api(
        tmp_path,
        auth="access_token",
        auth_tokeninfo_url=provider.token_info,
        policy=json.dumps([{"principal": principal, "role": "admin"}]),
    )
    assert api.is_admin({"Authorization": f"Bearer {TOKEN}"}) is is_admin


def test_a_service_account_is_known_by_its_address_where_its_token_has_that_scope(
    provider: Provider, tmp_path: Path
) -> None:
    provider.access_tokens[TOKEN] = {**ACCOUNT, "scope": f"{CLOUD_PLATFORM} {EMAIL}"}
    api = open_api(
        tmp_path,
        auth="access_token",
        auth_tokeninfo_url=provider.token_info,
        policy=json.dumps([{"principal": f"email:{ACCOUNT['email']}", "role": "admin"}]),
    )
    assert api.is_admin({"Authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize(
    "token", ["unknown", "a b", "x" * 5000, "é", "a.b.c", "eyJh.eyJi.c", "<script>"]
)
def test_other_tokens_are_refused(api: AuthApi, token: str) -> None:
    assert api.status(access_token=token) == 401


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "openid email"},
        {"scope": f"{CLOUD_PLATFORM}.read-only"},
        {"scope": None},
        {"expires_in": "0"},
        {"expires_in": "-5"},
        {"expires_in": None},
    ],
    ids=str,
)
def test_a_token_without_the_scope_or_without_time_left_is_refused(
    api: AuthApi, provider: Provider, changes: dict[str, Any]
) -> None:
    provider.access_tokens[TOKEN] |= changes
    assert api.bearer(TOKEN) == 401


@pytest.mark.parametrize(
    ("clients", "status"), [("112233", 200), ("x, 112233", 200), ("11223", 401), ("ada", 401)]
)
def test_clients_of_the_settings_are_taken_whatever_the_scope(
    provider: Provider, tmp_path: Path, clients: str, status: int
) -> None:
    provider.access_tokens[TOKEN]["scope"] = "email"
    api = open_api(
        tmp_path,
        auth="access_token",
        auth_tokeninfo_url=provider.token_info,
        auth_clients=clients,
    )
    assert api.bearer(TOKEN) == status


def test_google_is_asked_every_five_minutes(api: AuthApi, provider: Provider) -> None:
    """A token that was revoked is good for five minutes more at most."""
    for _ in range(3):
        assert api.bearer(TOKEN) == 200
    assert provider.asked["/tokeninfo"] == 1
    del provider.access_tokens[TOKEN]
    api.now += (FIVE_MINUTES - 1) * SECOND
    assert api.bearer(TOKEN) == 200
    api.now += SECOND
    assert api.bearer(TOKEN) == 401


def test_a_token_is_never_good_for_longer_than_it_lasts(api: AuthApi, provider: Provider) -> None:
    provider.access_tokens[TOKEN]["expires_in"] = "10"
    assert api.bearer(TOKEN) == 200
    del provider.access_tokens[TOKEN]
    api.now += 9 * SECOND
    assert api.bearer(TOKEN) == 200
    api.now += SECOND
    assert api.bearer(TOKEN) == 401


def test_as_many_tokens_are_kept_as_there_is_room_for(
    api: AuthApi, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_token, "_MAX_KEPT", 2)
    tokens = [f"ya29.{number}" for number in range(3)]
    for token in tokens:
        provider.access_tokens[token] = dict(INFO)
        assert api.bearer(token) == 200
    assert api.bearer(tokens[2]) == api.bearer(tokens[1]) == 200
    assert provider.asked["/tokeninfo"] == 3
    assert api.bearer(tokens[0]) == 200
    assert provider.asked["/tokeninfo"] == 4


def test_what_is_kept_is_not_the_token(api: AuthApi) -> None:
    """A dump of the memory's cache gives nobody a token."""
    from functions.api.auth.opening import open_gate

    assert api.bearer(TOKEN) == 200
    assert api.bearer(f"junk-{TOKEN}") == 401
    gate = open_gate(api.settings)
    assert gate is not None
    ((_, authenticator),) = gate._authenticators
    assert isinstance(authenticator, access_token.AccessToken)
    answers = authenticator._answers
    assert len(answers._kept) == len(answers._refused) == 1
    assert TOKEN not in repr([answers._kept, answers._refused])


def test_without_google_it_is_nobodys_fault(api: AuthApi, provider: Provider) -> None:
    assert api.bearer(TOKEN) == 200
    provider.is_down = True
    assert api.bearer(TOKEN) == 200
    assert api.bearer("ya29.other") == 503
