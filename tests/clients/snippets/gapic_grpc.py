"""Points a client of google.cloud.aiplatform_v1beta1, or _v1, at your server's gRPC port."""

from typing import TypeVar

import grpc
from google.cloud.aiplatform_v1beta1 import SessionServiceClient

Client = TypeVar("Client")


def connect(address: str, client: type[Client] = SessionServiceClient) -> Client:
    transport = client.get_transport_class("grpc")
    return client(transport=transport(channel=grpc.insecure_channel(address)))
