"""google.cloud.aiplatform_v1 and _v1beta1 over REST and gRPC: sessions."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, NotFound

from tests.support.clients.gapic import violated_fields

STATE = {"deep": [[1, [2.5, None]], {"": {"__x__": True}}], "nothing": None, "text": "héllo ✓"}


def create(client: Any, engine: str, session_id: str = "", **fields: Any) -> Any:
    """The session that the finished operation holds."""
    request = {"parent": engine, "session": {"user_id": "u", **fields}, "session_id": session_id}
    return client.create_session(request).result()


def test_create_answers_an_operation_with_the_session(client: Any, engine: str) -> None:
    """Nothing is left to wait for: the operation is done, and its metadata says when."""
    operation = client.create_session(
        parent=engine, session={"user_id": "u", "session_state": STATE}
    )
    assert operation.done()
    session = operation.result()
    assert session == client.get_session(name=session.name)
    assert operation.metadata.generic_metadata.create_time == session.create_time
    assert session.user_id == "u"
    assert session.session_state == STATE
    assert session.expire_time - session.create_time == timedelta(days=365)


def test_a_session_takes_a_chosen_id_once(client: Any, engine: str) -> None:
    """A second session of the same id is refused, and the first one stays."""
    session = create(client, engine, "order-1")
    assert session.name == f"{engine}/sessions/order-1"
    with pytest.raises(BadRequest, match="already exists"):
        create(client, engine, "order-1")
    assert client.get_session(name=session.name) == session


def test_a_session_lives_as_long_as_asked(client: Any, engine: str) -> None:
    """A ttl counts from creation."""
    session = create(client, engine, ttl=timedelta(hours=1, microseconds=1))
    assert session.expire_time - session.create_time == timedelta(hours=1, microseconds=1)


def test_lists_follow_filter_order_and_pages(client: Any, engine: str) -> None:
    """The pager fetches page after page, and sees each session once."""
    for number in range(5):
        create(client, engine, f"s{number}", user_id="even" if number % 2 == 0 else "odd")
    request = {"parent": engine, "filter": 'user_id="even"', "order_by": "create_time"}
    pages = list(client.list_sessions({**request, "page_size": 2}).pages)
    assert [ids(page.sessions) for page in pages] == [["s0", "s2"], ["s4"]]
    newest_first = client.list_sessions({**request, "order_by": "create_time desc"})
    assert ids(newest_first) == ["s4", "s2", "s0"]
    assert ids(client.list_sessions(parent=engine)) == ["s4", "s3", "s2", "s1", "s0"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("display_name", "new"),
        ("labels", {"k": "new"}),
        ("session_state", STATE),
        ("expire_time", datetime(2100, 1, 1, tzinfo=UTC)),
    ],
)
def test_update_changes_what_the_mask_names(
    client: Any, engine: str, field: str, value: object
) -> None:
    """The other fields stay as they were, whatever the body holds."""
    fields = {"display_name": "old", "labels": {"k": "old"}, "session_state": {"k": "old"}}
    old = create(client, engine, **fields)
    sent = {"name": old.name, "display_name": "other", "labels": {"k": "other"}, field: value}
    session = client.update_session(session=sent, update_mask={"paths": [field]})
    assert getattr(session, field) == value
    assert session.update_time > old.update_time
    for kept in {*fields, "expire_time"} - {field}:
        assert getattr(session, kept) == getattr(old, kept)
    assert client.get_session(name=old.name) == session


def test_a_mask_clears_what_the_body_leaves_out(client: Any, engine: str) -> None:
    """A masked field without a value is emptied; the life, renewed by ttl, always has one."""
    filled = {"display_name": "old", "labels": {"k": "old"}, "session_state": {"k": "old"}}
    old = create(client, engine, **filled)
    mask = {"paths": [*filled, "ttl"]}
    sent = {"name": old.name, "ttl": timedelta(days=999)}
    session = client.update_session(session=sent, update_mask=mask)
    assert not any(getattr(session, field) for field in filled)
    assert session.expire_time > old.expire_time


def test_a_deleted_session_is_not_found(client: Any, engine: str) -> None:
    """Delete answers a finished operation, and then every method answers NotFound."""
    name = create(client, engine).name
    assert client.get_session(name=name)
    operation = client.delete_session(name=name)
    assert operation.done()
    operation.result()
    for gone in (client.get_session, client.delete_session):
        with pytest.raises(NotFound, match=f"Session {name} not found"):
            gone(name=name)
    with pytest.raises(NotFound):
        client.list_events(parent=name)


def test_errors_say_which_field_is_wrong(client: Any, engine: str) -> None:
    """The client names an INVALID_ARGUMENT BadRequest, with the violations."""
    with pytest.raises(BadRequest, match="Required field is not set") as error:
        client.create_session(parent=engine, session={})
    assert violated_fields(error.value) == ["session.user_id"]
    with pytest.raises(BadRequest):
        client.list_sessions({"parent": engine, "filter": "user_id="})


def test_short_names_mean_the_configured_project(
    connect_gapic: Callable[..., Any], short_engine: str, engine: str
) -> None:
    """v1beta1 takes names without project and location; answers carry full names."""
    client = connect_gapic()
    session = create(client, short_engine, "s")
    assert session.name == f"{engine}/sessions/s"
    short_name = f"{short_engine}/sessions/s"
    assert client.get_session(name=short_name) == session
    assert list(client.list_sessions(parent=short_engine)) == [session]
    client.update_session(session={"name": short_name, "display_name": "x"})
    assert client.get_session(name=session.name).display_name == "x"
    client.delete_session(name=short_name).result()
    with pytest.raises(NotFound):
        client.get_session(name=session.name)


def ids(sessions: Any) -> list[str]:
    return [session.name.rpartition("/")[2] for session in sessions]
