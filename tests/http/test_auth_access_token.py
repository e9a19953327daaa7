"""AUTH=access_token: Google's OAuth 2.0 tokens, told by its token info."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from functions.api.auth import access_token
from tests.http.door import Door, open_door
from tests.http.identity_provider import Provider, providing

TOKEN = "ya29.c.a0AfH6SM-token_~+/=="
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
FIVE_MINUTES = 300


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as running:
        running.access_tokens[TOKEN] = dict(INFO)
        yield running


@pytest.fixture
def door(provider: Provider, tmp_path: Path) -> Door:
    return open_door(tmp_path, auth="access_token", auth_tokeninfo_url=provider.token_info)


def test_a_token_that_google_knows_makes_its_owner_the_caller(
    door: Door, provider: Provider
) -> None:
    assert door.is_user({"Authorization": f"Bearer {TOKEN}"}, "ada")
    assert door.status(access_token=TOKEN) == 200


def test_an_address_is_the_caller_where_the_policy_says_so(
    door: Door, provider: Provider, tmp_path: Path
) -> None:
    admins = '[{"principal": "email:ada@example.com", "role": "admin"}]'
    for verified, is_admin in (("true", True), ("false", False)):
        provider.access_tokens[TOKEN]["email_verified"] = verified
        door = open_door(
            tmp_path,
            auth="access_token",
            auth_tokeninfo_url=f"{provider.token_info}?{verified}".replace("?", "/"),
            policy=admins,
        )
        assert door.is_admin({"Authorization": f"Bearer {TOKEN}"}) is is_admin


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
    door = open_door(
        tmp_path,
        auth="access_token",
        auth_tokeninfo_url=provider.token_info,
        policy=json.dumps([{"principal": principal, "role": "admin"}]),
    )
    assert door.is_admin({"Authorization": f"Bearer {TOKEN}"}) is is_admin


def test_a_service_account_is_known_by_its_address_where_its_token_has_that_scope(
    provider: Provider, tmp_path: Path
) -> None:
    provider.access_tokens[TOKEN] = {**ACCOUNT, "scope": f"{CLOUD_PLATFORM} {EMAIL}"}
    door = open_door(
        tmp_path,
        auth="access_token",
        auth_tokeninfo_url=provider.token_info,
        policy=json.dumps([{"principal": f"email:{ACCOUNT['email']}", "role": "admin"}]),
    )
    assert door.is_admin({"Authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize(
    "token", ["unknown", "a b", "x" * 5000, "é", "a.b.c", "eyJh.eyJi.c", "<script>"]
)
def test_other_tokens_are_refused(door: Door, token: str) -> None:
    assert door.status(access_token=token) == 401


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
    door: Door, provider: Provider, changes: dict[str, Any]
) -> None:
    provider.access_tokens[TOKEN] |= changes
    assert door.bearer(TOKEN) == 401


@pytest.mark.parametrize(
    ("clients", "status"), [("112233", 200), ("x, 112233", 200), ("11223", 401), ("ada", 401)]
)
def test_clients_of_the_settings_are_taken_whatever_the_scope(
    provider: Provider, tmp_path: Path, clients: str, status: int
) -> None:
    provider.access_tokens[TOKEN]["scope"] = "email"
    door = open_door(
        tmp_path,
        auth="access_token",
        auth_tokeninfo_url=provider.token_info,
        auth_clients=clients,
    )
    assert door.bearer(TOKEN) == status


def test_google_is_asked_every_five_minutes(door: Door, provider: Provider) -> None:
    """A token that was revoked is good for five minutes more at most."""
    for _ in range(3):
        assert door.bearer(TOKEN) == 200
    assert provider.asked["/tokeninfo"] == 1
    del provider.access_tokens[TOKEN]
    door.now += FIVE_MINUTES - 1
    assert door.bearer(TOKEN) == 200
    door.now += 1
    assert door.bearer(TOKEN) == 401


def test_a_token_is_never_good_for_longer_than_it_lasts(door: Door, provider: Provider) -> None:
    provider.access_tokens[TOKEN]["expires_in"] = "10"
    assert door.bearer(TOKEN) == 200
    del provider.access_tokens[TOKEN]
    door.now += 9
    assert door.bearer(TOKEN) == 200
    door.now += 1
    assert door.bearer(TOKEN) == 401


def test_as_many_tokens_are_kept_as_there_is_room_for(
    door: Door, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access_token, "_MAX_KEPT", 2)
    tokens = [f"ya29.{number}" for number in range(3)]
    for token in tokens:
        provider.access_tokens[token] = dict(INFO)
        assert door.bearer(token) == 200
    assert door.bearer(tokens[2]) == door.bearer(tokens[1]) == 200
    assert provider.asked["/tokeninfo"] == 3
    assert door.bearer(tokens[0]) == 200
    assert provider.asked["/tokeninfo"] == 4


def test_what_is_kept_is_not_the_token(door: Door) -> None:
    """A dump of the memory's cache gives nobody a token."""
    from functions.api.auth.opening import open_gate

    assert door.bearer(TOKEN) == 200
    assert door.bearer(f"junk-{TOKEN}") == 401
    gate = open_gate(door.settings)
    assert gate is not None
    ((_, authenticator),) = gate._authenticators
    assert isinstance(authenticator, access_token.AccessToken)
    answers = authenticator._answers
    assert len(answers._kept) == len(answers._refused) == 1
    assert TOKEN not in repr([answers._kept, answers._refused])


def test_without_google_it_is_nobodys_fault(door: Door, provider: Provider) -> None:
    assert door.bearer(TOKEN) == 200
    provider.is_down = True
    assert door.bearer(TOKEN) == 200
    assert door.bearer("ya29.other") == 503
