"""The users of an engine. See docs/state-and-users.md."""

from functions.aip.timestamp import format_timestamp
from functions.rules.names import spell
from tests.support.api import SECOND, Api
from tests.support.roles import caller


def users(api: Api, **query: object) -> list[str]:
    return [user["userId"] for user in api.walk(f"{api.engine}/users", "users", **query)]


def test_everybody_who_had_a_session_or_state_is_a_user(api: Api) -> None:
    """With the time of the first, also after the session is gone."""
    first = api.now
    api.ok("DELETE", api.create(user="ada"))
    api.ok("PATCH", f"{api.engine}/users/bob/state", {"state": {"a": 1}})
    event = {"author": "a", "invocationId": "i", "timestamp": "2026-01-01T00:00:00Z"}
    path = f"{api.engine}/sessions/s:appendEvent?allowMissing=true&userId=cyd"
    api.ok("POST", path, event)
    api.now += SECOND
    api.create(user="ada")
    assert api.ok("GET", f"{api.engine}/users") == {
        "users": [
            {
                "name": f"{api.engine}/users/{user}",
                "userId": user,
                "createTime": format_timestamp(first),
            }
            for user in ("ada", "bob", "cyd")
        ]
    }


def test_users_are_listed_by_their_ids_page_by_page(api: Api) -> None:
    """Each once, whatever the id; names spell it."""
    ids = ["a/b", "é", "~41", "-", "z" * 1024, "A", " ", "ada@example.com", "__u__", "\U0001f600"]
    for user in ids:
        api.create(user=user)
    assert users(api) == sorted(ids)
    for size in (1, 3, len(ids)):
        assert users(api, pageSize=size) == sorted(ids)
    names = [user["name"] for user in api.ok("GET", f"{api.engine}/users")["users"]]
    assert names == [f"{api.engine}/users/{spell(user)}" for user in sorted(ids)]


def test_an_engine_without_users_has_an_empty_list(api: Api) -> None:
    """App state has no user."""
    api.ok("PATCH", f"{api.engine}/state", {"state": {"a": 1}})
    assert api.ok("GET", f"{api.engine}/users") == {}


def test_a_page_of_users_has_a_hundred_at_most(api: Api) -> None:
    for number in range(103):
        api.ok("PATCH", f"{api.engine}/users/u{number:03}/state", {"state": {"a": 1}})
    page = api.ok("GET", f"{api.engine}/users", pageSize=1000)
    assert len(page["users"]) == 100
    rest = api.ok("GET", f"{api.engine}/users", pageToken=page["nextPageToken"])
    assert [user["userId"] for user in rest["users"]] == ["u100", "u101", "u102"]


def test_a_token_of_another_list_is_refused(api: Api) -> None:
    for user in ("a", "b"):
        api.create(user=user)
    token = api.ok("GET", f"{api.engine}/users", pageSize=1)["nextPageToken"]
    other = api.call("GET", f"{api.engine}0/users", pageToken=token)
    assert other.json["error"]["status"] == "INVALID_ARGUMENT"


def test_a_user_sees_itself_alone(api: Api) -> None:
    """On every page; an engine without a role for the caller looks empty."""
    for user in ("user-ada", "user-bob", "user-cyd"):
        api.create(user=user)
    assert users(caller(api, "user-bob"), pageSize=1) == ["user-bob"]
    assert users(caller(api, "user-dan")) == []
    assert users(caller(api, "viewer")) == ["user-ada", "user-bob", "user-cyd"]
    assert caller(api, "stranger").ok("GET", f"{api.engine}/users") == {}
