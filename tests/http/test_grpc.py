"""gRPC beside REST, below what a client of Google's shows."""

from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from typing import Any
from weakref import WeakSet

import grpc
import pytest
from google.api_core.exceptions import (
    Forbidden,
    InternalServerError,
    InvalidArgument,
    ServiceUnavailable,
    Unauthenticated,
)
from google.cloud import aiplatform_v1, aiplatform_v1beta1
from google.cloud.aiplatform_v1beta1 import (
    ReasoningEngineServiceClient,
    SessionEvent,
    SessionServiceClient,
)
from google.rpc.error_details_pb2 import RetryInfo

from functions.api.endpoint import Endpoint
from functions.api.grpc_server import serve_grpc
from functions.api.routes import METHODS
from functions.api.transcoding import find_rpc
from functions.config.settings import Settings
from functions.rules.errors import StoreUnavailable
from functions.store.opening import open_store
from tests.clients.snippets.gapic_grpc import connect
from tests.support.api import START, Api
from tests.support.roles import token
from tests.support.servers import free_port

ENGINE = "projects/local/locations/us-central1/reasoningEngines/1"


class Served:
    """A server in this process, whose store may fail."""

    def __init__(self, **settings: Any) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.settings = Settings(
            grpc_address=self.address, sessions_store="sqlite:///:memory:", **settings
        )
        self.is_down = False
        self.store = open_store(self.settings)
        self.serve = Endpoint(METHODS, self.settings, self._open, lambda: START)
        self._stop = serve_grpc(lambda request: self.serve(request), self.settings)

    def _open(self) -> Any:
        if self.is_down:
            raise StoreUnavailable
        return self.store

    def close(self) -> None:
        self._stop()
        self.store.close()


@pytest.fixture
def served() -> Iterator[Served]:
    with closing(Served(max_body_bytes=100_000)) as served:
        yield served


@pytest.fixture
def client(served: Served) -> SessionServiceClient:
    return connect(served.address)


def create(client: SessionServiceClient, **options: Any) -> str:
    created = client.create_session(parent=ENGINE, session={"user_id": "u"}, **options)
    name: str = created.result().name
    return name


@pytest.mark.parametrize("api", [aiplatform_v1, aiplatform_v1beta1])
@pytest.mark.parametrize("service", ["SessionService", "ReasoningEngineService"])
def test_every_method_that_gapic_and_the_routes_have_is_answered(api: Any, service: str) -> None:
    client = getattr(api, f"{service}Client")
    shared = [method for method in METHODS if hasattr(client, method)]
    assert len(shared) > 5
    for method in shared:
        package = f"google.cloud.aiplatform.{api.__name__.rpartition('_')[2]}.{service}"
        if method.endswith(("_operation", "_operations")):
            package = "google.longrunning.Operations"
        elif method.endswith(("_location", "_locations")):
            package = "google.cloud.location.Locations"
        found = find_rpc(f"/{package}/{method.title().replace('_', '')}")
        assert found is not None, method
        assert found.method == method


def test_credentials_come_as_metadata() -> None:
    """A bearer token is refused where keys are asked for; the key is taken."""
    keys = (f"app:{sha256(b'secret').hexdigest()}",)
    with closing(Served(auth="api_key", api_keys=",".join(keys))) as served:
        client = connect(served.address)
        for metadata in ([], [("authorization", "Bearer secret")]):
            with pytest.raises(Unauthenticated):
                create(client, metadata=metadata)
        assert create(client, metadata=[("x-goog-api-key", "secret")])


def test_the_token_that_cloud_run_has_checked_is_the_callers() -> None:
    with closing(Served(k_service="sessions", google_cloud_project="local")) as served:
        client = connect(served.address)
        with pytest.raises(Unauthenticated):
            create(client)
        checked = f"Bearer {token(sub='1', email='a@example.com', email_verified=True)}"
        assert create(client, metadata=[("authorization", checked)])


def test_roles_hold_for_grpc_too() -> None:
    policy = '[{"principal": "*", "role": "viewer"}]'
    with closing(Served(policy=policy)) as served, pytest.raises(Forbidden):
        create(connect(served.address))


def test_an_error_that_passes_says_when_to_try_again(
    served: Served, client: SessionServiceClient
) -> None:
    served.is_down = True
    with pytest.raises(ServiceUnavailable, match="Try again") as caught:
        client.get_session(name=f"{ENGINE}/sessions/s", retry=None)
    (detail,) = caught.value.details
    assert isinstance(detail, RetryInfo)
    assert detail.retry_delay.seconds == 1


@pytest.mark.parametrize(
    "name",
    [
        "",
        "reasoningEngines/1",
        f"{ENGINE}/sessions/s/events",
        f"{ENGINE}/sessions/s:appendEvent",
        f"{ENGINE}/sessions/s?alt=json",
        "-/sessions/s",
    ],
)
def test_a_name_of_another_form_is_refused(client: SessionServiceClient, name: str) -> None:
    """No name becomes the path of another method, nor a query."""
    with pytest.raises(InvalidArgument, match="Field: name; Message: Invalid Session") as caught:
        client.get_session(name=name)
    assert caught.value.details[0].field_violations[0].field == "name"


def test_metadata_makes_no_other_method_of_a_call(client: SessionServiceClient) -> None:
    name = create(client)
    override = [("x-http-method-override", "DELETE")]
    client.append_event(
        name=name,
        event={"author": "a", "invocation_id": "i", "timestamp": "2026-01-01T00:00:00Z"},
        metadata=override,
    )
    assert client.get_session(name=name).name == name


def test_a_mask_may_name_a_key_with_capitals(client: SessionServiceClient) -> None:
    """The JSON form of a mask has no capitals; the server takes the path as it is."""
    name = create(client)
    session = client.update_session(
        session={"name": name, "session_state": {"KeyOne": 1, "other": 2}},
        update_mask={"paths": ["session_state.KeyOne"]},
    )
    assert session.session_state == {"KeyOne": 1}


def test_engines_without_a_parent_are_those_of_the_servers_project(served: Served) -> None:
    engines = connect(served.address, ReasoningEngineServiceClient)
    made = engines.create_reasoning_engine(parent="", reasoning_engine={"display_name": "e"})
    assert list(engines.list_reasoning_engines(parent="")) == [made.result()]
    with pytest.raises(InvalidArgument, match="Invalid Location resource name"):
        engines.list_reasoning_engines(parent="projects")


def test_what_is_no_message_or_no_method_is_refused(served: Served) -> None:
    service = "/google.cloud.aiplatform.v1beta1.SessionService"
    with grpc.insecure_channel(served.address) as channel:
        for path, data, code in (
            (f"{service}/GetSession", b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
            (f"{service}/WatchEvents", b"", grpc.StatusCode.UNIMPLEMENTED),
            ("/google.cloud.aiplatform.v2.SessionService/GetSession", b"", None),
            ("/SessionService", b"", None),
            (f"{service}/getSession", b"", None),
            (f"{service}/GetSession/s", b"", None),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(path)(data)
            assert caught.value.code() == (code or grpc.StatusCode.UNIMPLEMENTED)


def test_paths_that_strangers_make_up_do_not_stay_in_memory() -> None:
    class Path(str):
        """Other than a plain string, it can be watched."""

    service = "/google.cloud.aiplatform.v1.SessionService"
    living: WeakSet[Path] = WeakSet()
    for number in range(5_000):
        for text in (f"{service}/Get{number}", f"{service}/GetSession/{number}"):
            path = Path(text)
            living.add(path)
            find_rpc(path)
            del path
    assert len(living) < 1_000


def test_a_number_without_json_is_refused(client: SessionServiceClient) -> None:
    """Over REST, GAPIC refuses it itself."""
    with pytest.raises(InvalidArgument, match="malformed"):
        client.create_session(
            parent=ENGINE, session={"user_id": "u", "session_state": {"k": float("nan")}}
        )


def test_a_message_above_the_limit_of_a_body_is_refused(client: SessionServiceClient) -> None:
    event = SessionEvent(author="a" * 200_000)
    with pytest.raises(Exception, match="larger than max"):
        client.append_event(name=f"{ENGINE}/sessions/s", event=event)


def test_what_protobuf_cannot_hold_is_an_error_that_says_so(
    served: Served, client: SessionServiceClient
) -> None:
    """JSON of REST may nest deeper than messages of protobuf can."""
    name = create(client)
    body = f'{{"sessionState": {{"deep": {"[" * 100}{"]" * 100}}}}}'.encode()
    Api(served.store, ENGINE).ok("PATCH", name, body, updateMask="sessionState")
    with pytest.raises(InternalServerError, match="Protobuf cannot hold the answer, JSON can"):
        client.get_session(name=name)


def test_the_log_alone_has_the_details_of_a_failure(
    served: Served, client: SessionServiceClient
) -> None:
    served.serve = lambda request: 1 / 0  # type: ignore[assignment, return-value]
    with pytest.raises(InternalServerError, match="Internal error encountered") as caught:
        client.get_session(name=f"{ENGINE}/sessions/s")
    assert "division" not in str(caught.value)
