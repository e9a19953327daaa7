"""Points ADK's VertexAiSessionService at a server of your own."""

from google.adk.sessions import VertexAiSessionService
from google.genai.types import HttpOptions


class SessionService(VertexAiSessionService):
    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def _api_client_http_options_override(self) -> HttpOptions:
        return HttpOptions(
            base_url=f"{self._base_url}/v1beta1", base_url_resource_scope="COLLECTION"
        )
