"""AUTH=iam, api_key, none and several at once: who is let in as whom, and what forgers try."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.config.settings import Settings
from tests.support.api import START_SECONDS
from tests.support.authentication import (
    API_KEYS,
    ENGINE_PATH,
    KEY,
    SESSIONS_PATH,
    USERS,
    AuthApi,
    open_api,
)
from tests.support.google.identity_provider import AUDIENCE, part, providing
from tests.support.roles import token

GATEWAY = "gateway@p.iam.gserviceaccount.com"
CLOUD = {"k_service": "sessions"}
SIGNED = f"{token(sub='ada').rpartition('.')[0]}.{'x' * 342}"


def bearer(text: str, header: str = "Authorization") -> dict[str, str]:
    return {header: f"Bearer {text}"}


def behind(**headers: str) -> dict[str, str]:
    """What a function gets from the gateway, with what it hands on."""
    own = token(sub="1", email=GATEWAY, email_verified=True)
    return {**bearer(own), **{name.replace("_", "-"): text for name, text in headers.items()}}


def userinfo(**claims: Any) -> str:
    return part(claims)


@pytest.fixture
def cloud(tmp_path: Path) -> AuthApi:
    """Nothing is set, in the cloud."""
    return open_api(tmp_path, **CLOUD)


@pytest.fixture
def gateway(tmp_path: Path) -> AuthApi:
    return open_api(
        tmp_path, **CLOUD, auth_gateway_account=GATEWAY, auth="iam,api_key", api_keys=API_KEYS
    )


@pytest.fixture
def keys(tmp_path: Path) -> AuthApi:
    return open_api(tmp_path, auth="api_key", api_keys=API_KEYS)


def test_without_credentials_the_answer_says_what_is_missing(cloud: AuthApi) -> None:
    answer = cloud.send("GET", SESSIONS_PATH)
    assert answer.status_code == 401
    assert answer.content_type == "application/json; charset=UTF-8"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="sessions"'
    assert answer.json == {
        "error": {
            "code": 401,
            "message": "Request is missing required authentication credential.",
            "status": "UNAUTHENTICATED",
        }
    }


def test_in_the_cloud_the_caller_is_whom_iam_has_let_in(cloud: AuthApi) -> None:
    assert cloud.is_user(bearer(token(sub="ada")), "ada")
    assert cloud.is_user(bearer(SIGNED), "ada")


def test_iam_checks_its_own_header_where_both_are_there(cloud: AuthApi) -> None:
    """What else stands in Authorization, nobody has verified."""
    headers = {
        **bearer(token(sub="eve")),
        **bearer(token(sub="ada"), "X-Serverless-Authorization"),
    }
    assert cloud.is_user(headers, "ada")


@pytest.mark.parametrize(
    "headers",
    [
        bearer("ya29.opaque"),
        bearer("eyJ.!!!.x"),
        bearer(f"eyJ.{part([1])}.x"),
        bearer(f"eyJ.{part(b'[' * 9999)}.x"),
        {"Authorization": "Basic YTpi"},
        {"Authorization": token(sub="ada")},
        {**bearer(token(sub="ada")), **bearer("junk", "X-Serverless-Authorization")},
        bearer(token(sub="ada"), "X-Forwarded-Authorization"),
        {"X-Apigateway-Api-Userinfo": userinfo(sub="ada")},
        {"X-Goog-Authenticated-User-Email": "accounts.google.com:ada@example.com"},
        {"x-goog-api-key": KEY},
    ],
    ids=str,
)
def test_what_iam_has_not_verified_is_refused(cloud: AuthApi, headers: dict[str, str]) -> None:
    assert cloud.status(headers) == 401


def test_a_token_in_the_query_is_none_that_iam_has_verified(cloud: AuthApi) -> None:
    assert cloud.status(access_token=token(sub="ada")) == 401


def test_a_gateway_is_not_the_caller(gateway: AuthApi) -> None:
    """It lets everybody through unless its own document says otherwise."""
    assert gateway.status(behind()) == 401


def test_what_a_gateway_hands_on_is_verified_here(gateway: AuthApi) -> None:
    """An unsigned token behind it is a forgery, since IAM never saw it."""
    forged = behind(X_Forwarded_Authorization=f"Bearer {token(sub='ada')}")
    assert gateway.status(forged) == 401
    assert gateway.is_admin(behind(x_goog_api_key=KEY))
    serverless = behind(X_Serverless_Authorization=f"Bearer {token(sub='ada')}")
    # Then it is not the gateway's call: IAM has verified ada's token.
    assert gateway.is_user(serverless, "ada")


def test_the_claims_of_a_gateway_count_where_the_settings_say_so(tmp_path: Path) -> None:
    headers = behind(X_Apigateway_Api_Userinfo=userinfo(sub="ada"))
    account = {**CLOUD, "auth_gateway_account": GATEWAY}
    assert open_api(tmp_path, **account).status(headers) == 401
    trusting = open_api(tmp_path, **account, auth_gateway_userinfo="true")
    assert trusting.is_user(headers, "ada")
    assert trusting.status(behind(X_Apigateway_Api_Userinfo="junk")) == 401


@pytest.mark.parametrize("email", ["eve@example.com", f"x{GATEWAY}", None])
@pytest.mark.parametrize("verified", [True, False])
def test_somebody_elses_call_hands_nothing_on(
    tmp_path: Path, email: str | None, verified: bool
) -> None:
    """Who may call the function directly might write the gateway's headers."""
    api = open_api(tmp_path, **CLOUD, auth_gateway_account=GATEWAY, auth_gateway_userinfo="true")
    own = token(sub="eve", email=email or GATEWAY, email_verified=verified and email is not None)
    headers = {**bearer(own), "X-Apigateway-Api-Userinfo": userinfo(sub="ada")}
    assert api.is_user(headers, "eve")


def test_a_key_is_taken_from_the_header_and_from_the_query(keys: AuthApi) -> None:
    assert keys.is_admin({"X-Goog-Api-Key": KEY})
    assert keys.status(key=KEY) == 200
    assert keys.status({"X-Goog-Api-Key": KEY}, key="junk") == 200


def test_a_key_is_taken_from_the_body_of_a_long_get(keys: AuthApi) -> None:
    """The discovery client sends queries that are too long for a URL so."""
    headers = {
        "X-HTTP-Method-Override": "GET",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    body = f'filter=user_id%3D"x"&key={KEY}'.encode()
    assert keys.send("POST", SESSIONS_PATH, body, headers).status_code == 200
    assert (
        keys.send("POST", SESSIONS_PATH, body.replace(b"key=", b"key=x"), headers).status_code
        == 401
    )
    plain = {"Content-Type": headers["Content-Type"]}
    assert keys.send("POST", SESSIONS_PATH, f"key={KEY}".encode(), plain).status_code == 401


@pytest.mark.parametrize(
    "key", ["junk", KEY[:-1], f"{KEY} ", "0" * 64, API_KEYS.rpartition(":")[2], "dashboard", "é"]
)
def test_other_keys_are_refused(keys: AuthApi, key: str) -> None:
    """The hash of a key, too: whoever reads the settings has no key."""
    assert keys.status(key=key) == 401


def test_a_bad_credential_is_never_taken_for_none(tmp_path: Path) -> None:
    api = open_api(tmp_path, auth="api_key,none", api_keys=API_KEYS, policy="")
    assert api.status() == 200
    assert api.status(key=KEY) == 200
    assert api.status(key="junk") == 401
    assert api.status(bearer("junk")) == 401
    assert api.status({"Authorization": "Basic YTpi"}) == 401


def test_anybody_is_whom_the_policy_says(tmp_path: Path) -> None:
    """Reading is open to everybody, writing to a key."""
    policy = (
        '[{"principal": "key:dashboard", "role": "admin"}, {"principal": "*", "role": "viewer"}]'
    )
    api = open_api(tmp_path, auth="none,api_key", api_keys=API_KEYS, policy=policy)
    assert api.status() == 200
    assert api.send("POST", SESSIONS_PATH, {"userId": "u"}).status_code == 403
    assert api.is_admin({"X-Goog-Api-Key": KEY})


def test_of_several_kinds_the_first_that_is_sent_decides(tmp_path: Path) -> None:
    with providing() as provider:
        api = open_api(
            tmp_path,
            **CLOUD,
            auth="id_token,iam,api_key",
            auth_issuers=provider.url,
            auth_audiences=AUDIENCE,
            api_keys=API_KEYS,
        )
        good = provider.token(START_SECONDS)
        assert api.is_user(bearer(good), "ada")
        assert api.is_user({**bearer(good), "X-Goog-Api-Key": KEY}, "ada")
        assert api.is_admin({"X-Goog-Api-Key": KEY})
        assert api.status({**bearer(f"{good}x"), "X-Goog-Api-Key": KEY}) == 401
        both = {**bearer(good), **bearer(token(sub="app"), "X-Serverless-Authorization")}
        assert api.is_user(both, "ada")


def test_a_forged_signature_is_not_one_that_iam_has_removed(tmp_path: Path) -> None:
    """With id_token beside it, iam takes no token that still has its signature."""
    with providing() as provider:
        api = open_api(
            tmp_path,
            **CLOUD,
            auth="iam,id_token",
            auth_issuers=provider.url,
            auth_audiences=AUDIENCE,
        )
        assert api.is_user(bearer(provider.token(START_SECONDS)), "ada")
        assert api.is_user(bearer(token(sub="ada")), "ada")
        assert api.status(bearer(SIGNED)) == 401
        assert api.status(access_token=token(sub="ada")) == 401


def test_who_is_not_let_in_learns_nothing(keys: AuthApi) -> None:
    """Whatever is wrong with the request, 401 comes first, but for paths that are not there."""
    for verb, path, body in [
        ("POST", SESSIONS_PATH, b"{"),
        ("GET", f"{ENGINE_PATH}/sessions/missing", None),
        ("PATCH", f"{ENGINE_PATH}/sessions/s", {"nonsense": 1}),
        ("POST", "/v1beta1/sessions:purgeExpired", None),
    ]:
        assert keys.send(verb, path, body).status_code == 401
    assert keys.send("GET", "/v1beta1/nonsense").status_code == 404


def test_a_policy_may_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    path.write_text(USERS)
    api = open_api(tmp_path, auth="api_key", api_keys=API_KEYS, policy=str(path))
    assert api.is_admin({"X-Goog-Api-Key": KEY})


WRONG = [
    ({"AUTH": "oauth"}, "'iam', 'id_token', 'access_token', 'google_iam', 'api_key' or 'none'"),
    ({"AUTH": "iam"}, "AUTH=iam is for the cloud"),
    ({"AUTH": "id_token", "POLICY": USERS}, "AUTH_ISSUERS and AUTH_AUDIENCES"),
    ({"AUTH": "access_token"}, "need a POLICY"),
    ({"AUTH": "api_key"}, "needs API_KEYS"),
    ({"AUTH": "google_iam"}, "needs GOOGLE_CLOUD_PROJECT"),
    ({"AUTH": "access_token,google_iam", "POLICY": USERS}, "both take the same tokens"),
    ({"AUTH_RESOURCE_MANAGER_URL": "http://google.example"}, "AUTH_RESOURCE_MANAGER_URL"),
    ({"AUTH_ISSUERS": "http://issuer.example"}, "https://"),
    ({"AUTH_ISSUERS": "issuer.example"}, "https://"),
    ({"AUTH_TOKENINFO_URL": "http://google.example"}, "AUTH_TOKENINFO_URL"),
    ({"API_KEYS": "name"}, "name:hash"),
    ({"API_KEYS": API_KEYS}, "API_KEYS needs AUTH=api_key"),
    ({"API_KEYS": API_KEYS, "AUTH": "none", "POLICY": USERS}, "API_KEYS needs AUTH=api_key"),
    ({"AUTH_GATEWAY_ACCOUNT": "gateway"}, "AUTH_GATEWAY_ACCOUNT"),
    ({"PURGE_ACCOUNT": "scheduler"}, "PURGE_ACCOUNT"),
    ({"POLICY": "[{}]"}, "0.principal: Field required"),
]


@pytest.mark.parametrize(("environment", "complaint"), WRONG, ids=lambda case: str(case)[:40])
def test_settings_that_let_in_the_wrong_people_stop_the_start(
    environment: dict[str, str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        Settings.from_environment(environment)
    assert complaint in str(caught.value)


def test_keys_that_no_caller_may_use_are_no_fault_where_others_come_in(tmp_path: Path) -> None:
    """Terraform gives the function of the purge the same keys, and IAM alone lets callers in."""
    api = open_api(tmp_path, **CLOUD, api_keys=API_KEYS)
    assert api.status({"x-goog-api-key": KEY}) == 401
    assert api.is_user(bearer(token(sub="ada")), "ada")


@pytest.mark.parametrize("auth", ["", "none"])
def test_a_policy_for_callers_whom_the_server_does_not_know_is_told_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, auth: str
) -> None:
    """Rules for everybody hold, so it is a warning."""
    rules = [{"principal": "key:k", "role": "admin"}, {"principal": "*", "role": "viewer"}]
    given = {"policy": json.dumps(rules), **({"auth": auth} if auth else {})}
    api = open_api(tmp_path, **given)
    assert (api.status(), api.is_admin({})) == (200, False)
    assert "of POLICY only rules for * hold" in caplog.text


@pytest.mark.parametrize("text", ["{}", "not json", f'{{"principal": "{"a" * 999}"}}'])
def test_a_policy_that_is_neither_a_list_nor_a_file_is_told_so(tmp_path: Path, text: str) -> None:
    with pytest.raises(SystemExit, match=r"it is neither a JSON list nor a file\.$"):
        open_api(tmp_path, policy=text).status()


@pytest.mark.parametrize("text", [None, "{", "[{}]"])
def test_a_policy_file_that_is_none_stops_the_start(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "policy.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit, match=r"policy\.json"):
        open_api(tmp_path, policy=str(path)).status()


def test_a_key_in_the_place_of_its_hash_is_not_repeated() -> None:
    with pytest.raises(SystemExit) as caught:
        Settings.from_environment({"AUTH": "api_key", "API_KEYS": f"name:{KEY}"})
    assert KEY not in str(caught.value)


def test_no_answer_and_no_log_repeats_a_credential(
    keys: AuthApi, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "s3cr3t-of-somebody"
    answers = [
        keys.send("GET", SESSIONS_PATH, headers={"X-Goog-Api-Key": secret}),
        keys.send("GET", SESSIONS_PATH, headers=bearer(secret)),
        keys.send("GET", SESSIONS_PATH, key=secret),
        keys.send("GET", SESSIONS_PATH, access_token=secret),
    ]
    assert [answer.status_code for answer in answers] == [401] * 4
    assert secret not in json.dumps([answer.get_data(as_text=True) for answer in answers])
    assert secret not in caplog.text


@pytest.mark.parametrize("claim", ["sub", "iss", "azp", "email", "aud", "app"])
def test_a_lone_surrogate_in_a_claim_is_nobody_and_no_500(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], claim: str
) -> None:
    """It reaches the log, the comparisons of the policy and the store's queries."""
    rules = [
        {"principal": "email:ada@example.com", "role": "admin"},
        {"principal": "claim:app=chat", "role": "admin"},
        {"principal": "*", "role": "user", "userIdClaim": claim},
    ]
    api = open_api(tmp_path, **CLOUD, policy=json.dumps(rules))
    headers = bearer(token(**{"email_verified": True, "sub": "ada", claim: "a\ud800"}))
    assert api.send("GET", SESSIONS_PATH, headers=headers).json == {}
    assert api.send("GET", f"{ENGINE_PATH}/sessions/s", headers=headers).status_code == 404
    assert (
        api.send("GET", f"{ENGINE_PATH}/sessions/s/events:watch", headers=headers).status_code
        == 404
    )
    assert api.send("POST", SESSIONS_PATH, {"userId": "u"}, headers).status_code == 404
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert {line["principal"].partition(":")[0] for line in lines} == {"person"}
