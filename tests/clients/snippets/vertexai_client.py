"""Points vertexai.Client at a server of your own."""

import vertexai
from google.oauth2.credentials import Credentials


def connect(base_url: str, token: str = "unused") -> vertexai.Client:
    return vertexai.Client(
        project="local",
        location="us-central1",
        credentials=Credentials(token),
        http_options={"base_url": base_url},
    )


def connect_express(base_url: str, api_key: str = "unused") -> vertexai.Client:
    return vertexai.Client(api_key=api_key, http_options={"base_url": base_url})
