"""Points a client of google.cloud.aiplatform_v1beta1, or _v1, at a server of your own."""

from typing import TypeVar

from google.auth.credentials import AnonymousCredentials
from google.cloud.aiplatform_v1beta1 import SessionServiceClient

Client = TypeVar("Client")


def connect(base_url: str, client: type[Client] = SessionServiceClient) -> Client:
    return client(
        transport="rest",
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": base_url},
    )
