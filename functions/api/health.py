"""GET /health: whether this process and its store can serve; every target answers it."""

import logging
from collections.abc import Callable

import flask

from functions import __version__
from functions.aip.errors import ApiError, NotFound
from functions.api.errors import CONTENT_TYPE, INTERNAL
from functions.config.settings import Settings
from functions.messages.json_text import write_plain
from functions.rules.names import EngineName
from functions.store.protocol import Store

HEALTH_PATH = "/health"

_log = logging.getLogger(__name__)


def health(settings: Settings, store: Callable[[], Store]) -> flask.Response:
    """200 once the store answered the read of one document, 503 with the reason otherwise.

    Nobody needs a credential for it, so in the cloud it says no more than the status.
    """
    fault = _fault(settings, store)
    report = {"status": "unavailable" if fault else "ok"}
    if not settings.k_service:
        report["store"] = settings.store_url.partition(":")[0]
        report["version"] = __version__
        if fault:
            report["reason"] = fault
    answer = flask.Response(
        write_plain(report), status=503 if fault else 200, content_type=CONTENT_TYPE
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _fault(settings: Settings, store: Callable[[], Store]) -> str:
    """Why the store does not answer, or ""."""
    location = f"projects/{settings.default_project}/locations/{settings.google_cloud_location}"
    try:
        store().get_engine(EngineName.parse(f"{location}/reasoningEngines/0"))
    except NotFound:
        return ""
    except ApiError as error:
        return error.message
    except Exception:
        _log.exception("The health check failed")
        return INTERNAL.message
    return ""
