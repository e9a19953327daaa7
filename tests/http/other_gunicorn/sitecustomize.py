"""Has a process believe that its gunicorn is of another release; Python imports this as it starts."""

import gunicorn

gunicorn.__version__ = "27.0.2"
