"""Points google-api-python-client at a server of your own."""

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import Resource, build


def connect(base_url: str, version: str = "v1beta1") -> Resource:
    return build(
        "aiplatform",
        version,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": base_url},
    )
