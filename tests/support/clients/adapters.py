"""Adapters of the clients: each writes a conversation with one client, and reads one."""

import json
import subprocess
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

from google.adk.events import Event, EventActions

from tests.clients.snippets import discovery, gapic
from tests.support.clients.conversation import Conversation, Said
from tests.support.clients.genai import Blocking


class Gapic:
    """The GAPIC client of one version."""

    def __init__(self, api: ModuleType, server: str) -> None:
        self._api = api
        self._client = gapic.connect(server, api.SessionServiceClient)

    def write(self, engine: str, conversation: Conversation) -> str:
        session = {"user_id": conversation.user, "session_state": conversation.state}
        name = self._client.create_session(parent=engine, session=session).result().name
        for said in conversation.events:
            event = self._api.SessionEvent.from_json(json.dumps(said.to_json()))
            self._client.append_event(name=name, event=event)
        return name

    def read(self, name: str) -> Conversation:
        session = self._client.get_session(name=name)
        events = self._client.list_events(parent=name)
        return Conversation.from_json(_json(session), [_json(event) for event in events])


def _json(message: Any) -> dict[str, Any]:
    return json.loads(
        type(message).to_json(
            message, use_integers_for_enums=False, always_print_fields_with_no_presence=False
        )
    )


class Discovery:
    """The discovery client; closes its connections, since it does not notice that a server did."""

    def __init__(self, server: str) -> None:
        self._service = discovery.connect(server)

    def write(self, engine: str, conversation: Conversation) -> str:
        body = {"userId": conversation.user, "sessionState": conversation.state}
        with self._service as service:
            sessions = service.projects().locations().reasoningEngines().sessions()
            name = sessions.create(parent=engine, body=body).execute()["response"]["name"]
            for said in conversation.events:
                sessions.appendEvent(name=name, body=said.to_json()).execute()
        return name

    def read(self, name: str) -> Conversation:
        with self._service as service:
            sessions = service.projects().locations().reasoningEngines().sessions()
            session = sessions.get(name=name).execute()
            events = sessions.events().list(parent=name).execute()["sessionEvents"]
        return Conversation.from_json(session, events)


class Curl:
    """curl, and JSON as it goes over the wire."""

    def __init__(self, server: str) -> None:
        self._root = f"{server}/v1beta1"

    def write(self, engine: str, conversation: Conversation) -> str:
        body = {"userId": conversation.user, "sessionState": conversation.state}
        name = self._call(f"{engine}/sessions", body)["response"]["name"]
        for said in conversation.events:
            self._call(f"{name}:appendEvent", said.to_json())
        return name

    def read(self, name: str) -> Conversation:
        events = self._call(f"{name}/events")["sessionEvents"]
        return Conversation.from_json(self._call(name), events)

    def _call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = [] if body is None else ["--data", json.dumps(body)]
        command = ["curl", "--silent", "--show-error", "--fail", *data, f"{self._root}/{path}"]
        return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


class Genai:
    """The sessions of a genai client, vertexai's or agentplatform's."""

    def __init__(self, sessions: Any) -> None:
        self._sessions = sessions

    def write(self, engine: str, conversation: Conversation) -> str:
        config = {"session_state": conversation.state}
        created = self._sessions.create(name=engine, user_id=conversation.user, config=config)
        for said in conversation.events:
            self._sessions.events.append(
                name=created.response.name,
                author=said.author,
                invocation_id=said.invocation_id,
                timestamp=said.timestamp,
                config={
                    "content": said.content,
                    "actions": {"state_delta": said.state_delta},
                    "event_metadata": {
                        "branch": said.branch,
                        "custom_metadata": said.custom_metadata,
                    },
                    "error_code": said.error_code,
                },
            )
        return created.response.name

    def read(self, name: str) -> Conversation:
        session = self._sessions.get(name=name)
        events = [
            Said(
                event.author,
                event.invocation_id,
                event.timestamp,
                event.content,
                event.actions.state_delta,
                event.event_metadata.branch,
                event.event_metadata.custom_metadata,
                event.error_code,
            )
            for event in self._sessions.events.list(name=name)
        ]
        return Conversation(session.user_id, session.session_state, events)


class Adk:
    """ADK's session service, which needs the user of the session that it reads."""

    def __init__(self, service: Blocking, user: str) -> None:
        self._service = service
        self._user = user

    def write(self, engine: str, conversation: Conversation) -> str:
        session = self._service.create_session(
            app_name=engine, user_id=conversation.user, state=conversation.state
        )
        for said in conversation.events:
            event = Event(
                author=said.author,
                invocation_id=said.invocation_id,
                timestamp=said.timestamp.timestamp(),
                content=said.content,
                actions=EventActions(state_delta=said.state_delta),
                branch=said.branch,
                custom_metadata=said.custom_metadata,
                error_code=said.error_code,
            )
            self._service.append_event(session, event)
        return f"{engine}/sessions/{session.id}"

    def read(self, name: str) -> Conversation:
        engine = name.partition("/sessions/")[0]
        session = self._service.get_session(app_name=engine, user_id=self._user, session_id=name)
        events = [
            Said(
                event.author,
                event.invocation_id,
                datetime.fromtimestamp(event.timestamp, UTC),
                event.content,
                event.actions.state_delta,
                event.branch,
                event.custom_metadata,
                event.error_code,
            )
            for event in session.events
        ]
        return Conversation(session.user_id, session.state, events)
