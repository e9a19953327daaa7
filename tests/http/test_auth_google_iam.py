"""AUTH=google_iam: Google's own IAM says which methods a caller may call."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import Forbidden
from google.cloud.aiplatform_v1beta1 import SessionServiceClient
from google.oauth2.credentials import Credentials

from functions.access.permissions import PERMISSIONS
from functions.api.routes import METHODS
from functions.config.settings import Settings
from tests.support.api import SECOND
from tests.support.authentication import (
    API_KEYS,
    ENGINE_PATH,
    KEY,
    LOCATION_PATH,
    SESSIONS_PATH,
    AuthApi,
    open_api,
)
from tests.support.google.identity_provider import ACCOUNT, CLOUD_PLATFORM, Provider, providing
from tests.support.imported_modules import READS, WRITES, imported
from tests.support.servers import serving

TOKEN = "ya29.c.agent"
IAM = "/v3/projects/test-project:testIamPermissions"
SESSION = f"{ENGINE_PATH}/sessions/s"
SESSION_USER = {
    "aiplatform.sessionEvents.append",
    "aiplatform.sessionEvents.list",
    "aiplatform.sessions.create",
    "aiplatform.sessions.delete",
    "aiplatform.sessions.get",
    "aiplatform.sessions.list",
    "aiplatform.sessions.update",
}
"""roles/aiplatform.sessionUser, of cloud.google.com/iam/docs/roles-permissions/aiplatform."""

ENGINES = {
    f"aiplatform.reasoningEngines.{verb}" for verb in ("create", "delete", "get", "list", "update")
}
EVENT = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
CALLS: dict[str, tuple[Any, ...]] = {**READS, **WRITES}
CALLS.pop("sessions_api")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as running:
        running.access_tokens[TOKEN] = dict(ACCOUNT)
        yield running


def open_to(provider: Provider, folder: Path, auth: str = "google_iam", **settings: Any) -> AuthApi:
    return open_api(
        folder,
        auth=auth,
        auth_tokeninfo_url=provider.token_info,
        auth_resource_manager_url=provider.url,
        google_cloud_project="test-project",
        **{"policy": "", **settings},
    )


@pytest.fixture
def api(provider: Provider, tmp_path: Path) -> AuthApi:
    return open_to(provider, tmp_path)


def call(api: AuthApi, verb: str, path: str, body: Any = None, **query: str) -> tuple[int, str]:
    """The status and the message of an error."""
    answer = api.send(verb, path, body, {"Authorization": f"Bearer {TOKEN}"}, **query)
    is_error = answer.status_code >= 400
    return answer.status_code, (answer.json or {})["error"]["message"] if is_error else ""


def test_every_method_has_a_row_of_official_permissions() -> None:
    """A method without a row would have no permission to hold it against."""
    assert PERMISSIONS.keys() == {*METHODS}
    assert all(PERMISSIONS.values())
    assert {each for row in PERMISSIONS.values() for each in row} == SESSION_USER | ENGINES


@pytest.mark.parametrize("method", CALLS)
def test_a_method_is_for_those_who_hold_its_permissions(
    provider: Provider, api: AuthApi, tmp_path: Path, method: str
) -> None:
    provider.granted[TOKEN] = set(PERMISSIONS[method])
    status, message = call(api, *CALLS[method])
    assert status in (200, 404), message
    for lacking in PERMISSIONS[method]:
        provider.granted[TOKEN] = (SESSION_USER | ENGINES) - {lacking}
        api.now += 300 * SECOND
        status, message = call(api, *CALLS[method])
        assert status == 403
        assert message.startswith(f"Permission '{lacking}' denied on resource '//aiplatform.")


@pytest.mark.parametrize(
    ("verb", "path", "permission", "resource"),
    [
        ("GET", SESSION, "sessions.get", SESSION),
        ("GET", "/v1beta1/reasoningEngines/1/sessions/s", "sessions.get", SESSION),
        ("POST", f"{SESSION}:appendEvent", "sessionEvents.append", SESSION),
        ("GET", SESSIONS_PATH, "sessions.list", ENGINE_PATH),
        ("POST", f"{LOCATION_PATH}/reasoningEngines", "reasoningEngines.create", LOCATION_PATH),
        ("POST", "/v1/reasoningEngines", "reasoningEngines.create", LOCATION_PATH),
        ("POST", "/v1beta1/sessions:purgeExpired", "sessions.delete", LOCATION_PATH),
    ],
)
def test_a_denial_is_in_googles_words(
    provider: Provider, api: AuthApi, verb: str, path: str, permission: str, resource: str
) -> None:
    provider.granted[TOKEN] = set()
    name = resource.removeprefix("/v1beta1/")
    words = (
        f"Permission 'aiplatform.{permission}' denied on resource "
        f"'//aiplatform.googleapis.com/{name}' (or it may not exist)."
    )
    assert call(api, verb, path) == (403, words)


def test_an_append_that_may_create_its_session_needs_what_creating_it_needs(
    provider: Provider, api: AuthApi
) -> None:
    """And what reading it needs, since its answer is the session."""
    append = ("POST", f"{SESSION}:appendEvent", EVENT)
    provider.granted[TOKEN] = {"aiplatform.sessionEvents.append"}
    assert call(api, *append)[0] == 404
    for name in ("allowMissing", "allow_missing"):
        status, message = call(api, *append, **{name: "true", "userId": "u"})
        assert (status, message.split("'")[1]) == (403, "aiplatform.sessions.create")
    provider.granted[TOKEN] |= {"aiplatform.sessions.create", "aiplatform.sessions.get"}
    api.now += 30 * SECOND
    assert call(api, *append, allowMissing="true", userId="u") == (200, "")


@pytest.mark.parametrize("name", ["allowMissing", "allow_missing"])
@pytest.mark.parametrize("value", ["false", "FALSE", ""])
def test_an_append_that_may_not_create_its_session_needs_no_more_for_saying_so(
    provider: Provider, api: AuthApi, name: str, value: str
) -> None:
    provider.granted[TOKEN] = {"aiplatform.sessionEvents.append"}
    append = ("POST", f"{SESSION}:appendEvent", EVENT)
    assert call(api, *append, **{name: value}) == call(api, *append)


@pytest.mark.parametrize(
    "query",
    [
        {"allowMissing": "maybe"},
        {"allowMissing": "false", "allow_missing": "true"},
        {"allow_missing": "false", "allowMissing": "true"},
    ],
)
def test_an_append_that_is_unclear_about_its_session_needs_what_creating_it_needs(
    provider: Provider, api: AuthApi, query: dict[str, str]
) -> None:
    append = ("POST", f"{SESSION}:appendEvent", EVENT)
    provider.granted[TOKEN] = {"aiplatform.sessionEvents.append"}
    status, message = call(api, *append, **query)
    assert (status, message.split("'")[1]) == (403, "aiplatform.sessions.create")


def test_a_value_of_allow_missing_that_is_no_flag_is_refused(
    provider: Provider, api: AuthApi
) -> None:
    provider.granted[TOKEN] = SESSION_USER
    append = ("POST", f"{SESSION}:appendEvent", EVENT)
    refusal = (400, "allowMissing must be true or false: 'maybe'.")
    assert call(api, *append, allowMissing="maybe") == refusal


def test_an_operation_is_for_those_who_may_get_what_it_is_about(
    provider: Provider, api: AuthApi
) -> None:
    """Under every name that it has: who reads it, reads the resource."""
    provider.granted[TOKEN] = {"aiplatform.sessions.create", "aiplatform.reasoningEngines.create"}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    made = api.send("POST", SESSIONS_PATH, {"userId": "u"}, headers).json
    session = made["name"] if made else ""
    made = api.send("POST", f"{LOCATION_PATH}/reasoningEngines", {"displayName": "e"}, headers).json
    engine = made["name"] if made else ""
    for name, permission in ((session, "sessions.get"), (engine, "reasoningEngines.get")):
        operation = name.rpartition("/")[2]
        for path in (f"/v1beta1/{name}", f"{LOCATION_PATH}/operations/{operation}"):
            for verb, action in (("GET", ""), ("POST", ":wait")):
                provider.granted[TOKEN] = (SESSION_USER | ENGINES) - {f"aiplatform.{permission}"}
                api.now += 300 * SECOND
                assert call(api, verb, f"{path}{action}")[0] == 403
                provider.granted[TOKEN] = {f"aiplatform.{permission}"}
                api.now += 30 * SECOND
                assert call(api, verb, f"{path}{action}") == (200, "")


def test_the_configured_project_is_asked_whatever_project_a_name_has(
    provider: Provider, api: AuthApi
) -> None:
    """Whoever owns another project has no rights here by it."""
    provider.granted[TOKEN] = {"aiplatform.sessions.get"}
    assert call(api, "GET", SESSION.replace("test-project", "own-project"))[0] == 404
    assert {path for path in provider.asked if "testIam" in path} == {IAM}


def test_what_is_held_is_believed_for_five_minutes_and_what_lacks_for_half_a_minute(
    provider: Provider, api: AuthApi
) -> None:
    provider.granted[TOKEN] = set()
    for _ in range(3):
        assert call(api, "GET", SESSION)[0] == 403
    assert provider.asked[IAM] == 1
    provider.granted[TOKEN] = {"aiplatform.sessions.get"}
    api.now += 30 * SECOND
    for _ in range(3):
        assert call(api, "GET", SESSION)[0] == 404
    assert provider.asked[IAM] == 2
    provider.granted[TOKEN] = set()
    api.now += 239 * SECOND
    assert call(api, "GET", SESSION)[0] == 404
    assert provider.asked[IAM] == 2
    api.now += 61 * SECOND
    assert call(api, "GET", SESSION)[0] == 403


@pytest.mark.parametrize(("iam", "status"), [(401, 401), (403, 403), (404, 503), (429, 503)])
def test_iam_that_gives_no_answer_lets_nobody_do_anything(
    provider: Provider, api: AuthApi, iam: int, status: int
) -> None:
    provider.iam_status = iam
    assert call(api, "GET", SESSION)[0] == status


def test_a_token_for_less_than_cloud_platform_is_refused_whatever_its_owner_may_do(
    provider: Provider, api: AuthApi
) -> None:
    """IAM says what the owner may do, and would say it of a token for reading alone."""
    provider.granted[TOKEN] = SESSION_USER | ENGINES
    provider.access_tokens[TOKEN]["scope"] = f"{CLOUD_PLATFORM}.read-only"
    assert call(api, "GET", SESSION)[0] == 401
    assert provider.asked[IAM] == 0


def test_iam_is_asked_as_its_description_says(provider: Provider, api: AuthApi) -> None:
    """Google publishes it; that it takes tokens for reading is why token info is asked, too."""
    path = "discovery_cache/documents/cloudresourcemanager.v3.json"
    described = json.loads((files("googleapiclient") / path).read_text())
    method = described["resources"]["projects"]["methods"]["testIamPermissions"]
    base = Settings().auth_resource_manager_url
    assert (base, method["httpMethod"]) == (described["rootUrl"].rstrip("/"), "POST")
    provider.granted[TOKEN] = {"aiplatform.sessions.get"}
    assert call(api, "GET", SESSION)[0] == 404
    expected = f"/{method['path']}".replace("{+resource}", "projects/test-project")
    assert provider.asked[expected] == 1
    for message in (method["request"], method["response"]):
        assert described["schemas"][message["$ref"]]["properties"].keys() == {"permissions"}
    assert f"{CLOUD_PLATFORM}.read-only" in method["scopes"]


def test_a_policy_is_for_the_other_kinds(provider: Provider, tmp_path: Path) -> None:
    provider.granted[TOKEN] = {"aiplatform.sessions.create"}
    policy = '[{"principal": "key:dashboard", "role": "viewer"}]'
    api = open_to(provider, tmp_path, "api_key,google_iam", api_keys=API_KEYS, policy=policy)
    assert call(api, "POST", SESSIONS_PATH, {"userId": "u"}) == (200, "")
    assert api.status({"X-Goog-Api-Key": KEY}) == 200
    assert (
        api.send("POST", SESSIONS_PATH, {"userId": "u"}, {"X-Goog-Api-Key": KEY}).status_code == 403
    )


def test_the_purge_stays_with_its_account(provider: Provider, tmp_path: Path) -> None:
    provider.granted[TOKEN] = SESSION_USER
    account = "scheduler@test-project.iam.gserviceaccount.com"
    api = open_to(provider, tmp_path, purge_account=account)
    assert call(api, "POST", "/v1beta1/sessions:purgeExpired")[0] == 403
    assert call(api, "POST", SESSIONS_PATH, {"userId": "u"}) == (200, "")


def test_the_log_names_the_account_by_its_unique_id(
    provider: Provider, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    provider.granted[TOKEN] = set()
    api = open_to(provider, tmp_path, log_requests="true")
    assert call(api, "GET", SESSION)[0] == 403
    assert f'"principal":"account:{ACCOUNT["azp"]}"' in capfd.readouterr().out


def test_a_start_imports_neither_policies_nor_keys(provider: Provider, tmp_path: Path) -> None:
    settings = {
        "AUTH": "google_iam,none",
        "GOOGLE_CLOUD_PROJECT": "test-project",
        "AUTH_RESOURCE_MANAGER_URL": provider.url,
    }
    modules = imported(tmp_path, "get_session", *READS["get_session"], **settings)
    assert "functions.api.auth.google_iam" in modules
    assert not modules & {"functions.access.policy", "functions.store.guarded", "jwt", "pydantic"}
    settings["AUTH"] = "none"
    modules = imported(tmp_path, "get_session", *READS["get_session"], **settings)
    assert not modules & {"functions.api.auth.google_iam", "functions.access.permissions"}


def test_googles_own_client_works_without_a_policy(provider: Provider, tmp_path: Path) -> None:
    """Over real HTTP: it may do what its role has, and reads in Google's words what it may not."""
    provider.granted[TOKEN] = SESSION_USER - {"aiplatform.sessions.delete"}
    environment = {
        "SESSIONS_STORE": f"sqlite:///{tmp_path}/s.db",
        "AUTH": "google_iam",
        "AUTH_TOKENINFO_URL": provider.token_info,
        "AUTH_RESOURCE_MANAGER_URL": provider.url,
        "GOOGLE_CLOUD_PROJECT": "test-project",
    }
    with serving("sessions_api", environment) as url:
        client = SessionServiceClient(
            transport="rest", credentials=Credentials(TOKEN), client_options={"api_endpoint": url}
        )
        parent = ENGINE_PATH.removeprefix("/v1beta1/")
        name = client.create_session(parent=parent, session={"user_id": "u"}).result().name
        assert client.get_session(name=name).user_id == "u"
        assert [each.name for each in client.list_sessions(parent=parent)] == [name]
        with pytest.raises(Forbidden, match=r"'aiplatform\.sessions\.delete' denied on resource"):
            client.delete_session(name=name)
