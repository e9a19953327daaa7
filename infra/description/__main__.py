"""Writes the document to standard output."""

import sys

from infra.description.document import render

sys.stdout.write(render())
