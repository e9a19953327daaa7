"""Issuers, token info and IAM that do not answer: whom that keeps waiting, and whom not."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from functions.api.auth import access_token, answers, fetching, issuer
from tests.support.api import SECOND, START_SECONDS
from tests.support.authentication import API_KEYS, KEY, SESSIONS_PATH, AuthApi, open_api
from tests.support.google.identity_provider import (
    AUDIENCE,
    CLOUD_PLATFORM,
    INFO,
    PATIENCE,
    Provider,
    new_rsa,
    providing,
)

HOUR = 3600
DISCOVERY = "/.well-known/openid-configuration"
TOKEN_INFO = "/tokeninfo"
IAM = "/v3/projects/test-project:testIamPermissions"
THREADS = 4
WAITING = THREADS // 2
"""As many may wait for others; the rest of the threads go on."""

Start = Callable[..., "Future[Any]"]


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """Nobody who asks it gives up before the test does."""
    monkeypatch.setattr(fetching, "_TIMEOUT", 10 * PATIENCE)
    with providing() as running:
        yield running


@pytest.fixture
def start(provider: Provider) -> Iterator[Start]:
    """Calls something in a thread of its own."""
    with ThreadPoolExecutor(16) as pool:
        yield pool.submit
        provider.answers.set()


def open_to(provider: Provider, folder: Path, auth: str, **settings: Any) -> AuthApi:
    return open_api(
        folder,
        auth=f"{auth},api_key",
        api_keys=API_KEYS,
        auth_issuers=provider.url,
        auth_audiences=AUDIENCE,
        auth_tokeninfo_url=provider.token_info,
        auth_resource_manager_url=provider.url,
        google_cloud_project="test-project",
        threads=str(THREADS),
        **settings,
    )


@pytest.fixture
def api(provider: Provider, tmp_path: Path) -> AuthApi:
    return open_to(provider, tmp_path, "id_token,access_token")


def known(provider: Provider, token: str) -> str:
    provider.access_tokens[token] = dict(INFO)
    provider.granted[token] = {"aiplatform.sessions.list"}
    return token


def test_known_keys_are_good_while_an_issuer_hangs(
    api: AuthApi, provider: Provider, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One refresh runs beside the requests, which all are answered before the issuer is."""
    monkeypatch.setattr(issuer, "_PATIENCE", 0)
    token = provider.token(START_SECONDS, exp=START_SECONDS + 99 * HOUR)
    assert api.bearer(token) == 200
    provider.answers.clear()
    api.now += 2 * HOUR * SECOND
    calls = [start(api.bearer, token) for _ in range(8)]
    assert [call.result(PATIENCE) for call in calls] == [200] * 8
    assert not provider.answers.is_set()
    provider.wait_until_asked(DISCOVERY, 2)
    assert provider.asked[DISCOVERY] == 2


def test_the_request_that_begins_a_refresh_gets_the_new_keys(
    api: AuthApi, provider: Provider
) -> None:
    """A key that was withdrawn while nobody called is not taken once more."""
    old = provider.token(START_SECONDS, exp=START_SECONDS + 99 * HOUR)
    assert api.bearer(old) == 200
    provider.keys["new"] = new_rsa()
    provider.published = ["new"]
    api.now += 12 * HOUR * SECOND
    assert api.bearer(old) == 401


def test_an_issuer_that_hangs_at_the_start_holds_half_of_the_threads(
    api: AuthApi, provider: Provider, start: Start
) -> None:
    """It is asked once; a caller beyond those is told to try again, and keys go on."""
    provider.answers.clear()
    token = provider.token(START_SECONDS)
    calls = [start(api.bearer, token) for _ in range(WAITING + 1)]
    done, held = wait(calls, PATIENCE, FIRST_COMPLETED)
    assert [call.result() for call in done] == [503]
    assert api.status({"X-Goog-Api-Key": KEY}) == 200
    assert not any(call.done() for call in held)
    provider.answers.set()
    assert [call.result(PATIENCE) for call in held] == [200] * WAITING
    assert provider.asked[DISCOVERY] == 1


def test_a_search_for_a_made_up_key_holds_nobody_whose_key_is_known(
    api: AuthApi, provider: Provider, start: Start
) -> None:
    token = provider.token(START_SECONDS)
    assert api.bearer(token) == 200
    provider.keys["new"] = new_rsa()
    made_up = provider.token(START_SECONDS, "new")
    provider.answers.clear()
    search = start(api.bearer, made_up)
    provider.wait_until_asked(DISCOVERY, 2)
    assert api.bearer(token) == 200
    assert not search.done()
    provider.answers.set()
    assert search.result(PATIENCE) == 401


def test_a_search_that_fails_is_no_answer_for_a_minute(api: AuthApi, provider: Provider) -> None:
    """The new key may be there: its callers try again, and are let in when the issuer is back."""
    assert api.bearer(provider.token(START_SECONDS)) == 200
    provider.keys["new"] = new_rsa()
    provider.published = ["rsa", "new"]
    provider.is_down = True
    assert api.bearer(provider.token(START_SECONDS, "new")) == 503
    provider.is_down = False
    api.now += 6 * SECOND
    assert api.bearer(provider.token(START_SECONDS, "new")) == 200


@pytest.mark.parametrize(
    ("auth", "path"),
    [("access_token", TOKEN_INFO), ("google_iam", TOKEN_INFO), ("google_iam", IAM)],
)
def test_google_that_hangs_holds_half_of_the_threads(
    provider: Provider, tmp_path: Path, start: Start, auth: str, path: str
) -> None:
    """A known caller goes on; another is told to try again."""
    api = open_to(provider, tmp_path, auth)
    first = known(provider, "ya29.first")
    assert api.bearer(first) == 200
    tokens = [known(provider, f"ya29.{number}") for number in range(WAITING + 1)]
    if path == IAM:
        # Their tokens are known already, what they may do is not.
        for token in tokens:
            assert api.send(
                "POST", SESSIONS_PATH, headers={"Authorization": f"Bearer {token}"}
            ).status_code
    before = provider.asked[path]
    provider.answers.clear()
    held = [start(api.bearer, token) for token in tokens[:WAITING]]
    provider.wait_until_asked(path, before + WAITING)
    answer = api.send("GET", SESSIONS_PATH, headers={"Authorization": f"Bearer {tokens[WAITING]}"})
    assert answer.status_code == 503
    assert api.status({"X-Goog-Api-Key": KEY}) == 200
    assert api.bearer(first) == 200
    assert provider.asked[path] == before + WAITING
    provider.answers.set()
    assert [call.result(PATIENCE) for call in held] == [200] * WAITING
    assert api.bearer(tokens[WAITING]) == 200


def test_google_is_asked_once_for_many_requests_with_one_token(
    api: AuthApi, provider: Provider, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd larger than may wait at a time is served where Google answers."""
    monkeypatch.setattr(answers, "_QUEUEING", PATIENCE)
    token = known(provider, "ya29.agent")
    provider.answers.clear()
    calls = [start(api.bearer, token) for _ in range(4 * WAITING)]
    provider.wait_until_asked(TOKEN_INFO, 1)
    provider.answers.set()
    assert [call.result(PATIENCE) for call in calls] == [200] * 4 * WAITING
    assert provider.asked[TOKEN_INFO] == 1


def test_a_token_in_use_is_asked_about_beside_its_requests(
    api: AuthApi, provider: Provider, start: Start
) -> None:
    """In the last fifth of its five minutes; its users never wait for Google again."""
    token = known(provider, "ya29.agent")
    assert api.bearer(token) == 200
    api.now += 241 * SECOND
    provider.answers.clear()
    calls = [start(api.bearer, token) for _ in range(8)]
    assert [call.result(PATIENCE) for call in calls] == [200] * 8
    provider.wait_until_asked(TOKEN_INFO, 2)
    assert provider.asked[TOKEN_INFO] == 2
    provider.answers.set()


def test_junk_is_asked_about_once_in_half_a_minute(api: AuthApi, provider: Provider) -> None:
    for _ in range(50):
        assert api.bearer("ya29.junk") == 401
    assert provider.asked[TOKEN_INFO] == 1
    api.now += 29 * SECOND
    assert api.bearer("ya29.junk") == 401
    assert provider.asked[TOKEN_INFO] == 1
    api.now += 2 * SECOND
    known(provider, "ya29.junk")
    assert api.bearer("ya29.junk") == 200


@pytest.mark.parametrize("changes", [{"scope": "email"}, {"expires_in": "0"}], ids=str)
def test_a_good_token_that_is_refused_here_is_remembered_too(
    api: AuthApi, provider: Provider, changes: dict[str, str]
) -> None:
    provider.access_tokens["ya29.other"] = {**INFO, "scope": CLOUD_PLATFORM, **changes}
    assert [api.bearer("ya29.other") for _ in range(3)] == [401] * 3
    assert provider.asked[TOKEN_INFO] == 1


def test_as_many_refusals_are_kept_as_there_is_room_for(
    api: AuthApi, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And none takes the place of a good token."""
    monkeypatch.setattr(access_token, "_MAX_KEPT", 2)
    token = known(provider, "ya29.agent")
    assert api.bearer(token) == 200
    assert [api.bearer(f"junk-{number}") for number in range(5)] == [401] * 5
    assert provider.asked[TOKEN_INFO] == 6
    assert [api.bearer("junk-4"), api.bearer("junk-3"), api.bearer(token)] == [401, 401, 200]
    assert provider.asked[TOKEN_INFO] == 6
    assert api.bearer("junk-0") == 401
    assert provider.asked[TOKEN_INFO] == 7


def test_an_outage_is_no_refusal(api: AuthApi, provider: Provider) -> None:
    token = known(provider, "ya29.agent")
    provider.is_down = True
    assert api.bearer(token) == 503
    provider.is_down = False
    assert api.bearer(token) == 200
