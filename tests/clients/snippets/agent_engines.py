"""Points vertexai.agent_engines at a server of your own."""

import vertexai
from google.auth.credentials import AnonymousCredentials


def connect(base_url: str) -> None:
    vertexai.init(
        project="local",
        location="us-central1",
        api_endpoint=base_url,
        api_transport="rest",
        credentials=AnonymousCredentials(),
    )
