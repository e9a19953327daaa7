"""Writes the document to standard output."""

import sys

from infra.generate.description.document import render

sys.stdout.write(render())
