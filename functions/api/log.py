"""Log lines as Cloud Logging reads them: one JSON object each, with severity and trace."""

import json
import logging
import sys


class JsonFormatter(logging.Formatter):
    """Writes `severity`, `message`, what `extra={"fields": {…}}` gave, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; see cloud.google.com/logging/docs/structured-logging."""
        entry = {"severity": record.levelname, "message": record.getMessage()}
        entry.update(getattr(record, "fields", {}))
        if record.exc_info:
            entry["stack_trace"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)


def log_as_json() -> None:
    """Sends the project's own log lines to standard error as JSON."""
    logger = logging.getLogger("functions")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
