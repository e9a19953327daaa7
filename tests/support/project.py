"""The folders of the repository, and the Google Cloud project of most tests."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"

PROJECT = "test-project"
REGION = "us-central1"
LOCATION = f"projects/{PROJECT}/locations/{REGION}"
ACROSS_ENGINES = f"{LOCATION}/reasoningEngines/-/sessions"
"""The list of the sessions of every engine in the location."""
