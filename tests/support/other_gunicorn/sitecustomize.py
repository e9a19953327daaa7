"""Pretends that gunicorn is of another release; Python imports this when a process starts."""

import gunicorn

gunicorn.__version__ = "27.0.2"
