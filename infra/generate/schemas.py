"""Reduces the providers' schemas to the resources that `infra/` uses, for its tests.

    terraform -chdir=infra init
    terraform -chdir=infra providers schema -json |
        python -m infra.generate.schemas > tests/infra/schemas.json

If the providers cannot be downloaded, prebuilt CDK bindings have their schemas:

    pip install --no-deps --target=bindings cdktn-provider-{archive,google,google-beta,time}
    python -m infra.generate.schemas bindings > tests/infra/schemas.json
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.generate.bindings import Json, provider_version, read_schema

INFRA = Path(__file__).parent.parent
REGISTRY = "registry.terraform.io/hashicorp/"

_KINDS = {"resource": "resource_schemas", "data": "data_source_schemas"}
_KEPT = {"type", "nested_type", "required", "optional", "computed"}
"""The fields of an attribute that the tests read."""

_OWN = {
    name: {"type": "bool" if name == "user_project_override" else "string", "optional": True}
    for name in ("billing_project", "project", "region", "user_project_override")
}
"""The arguments of a provider that `infra/` may set; the bindings do not have them."""


def pins() -> dict[str, str]:
    """Returns the version of each provider in `infra/`."""
    text = (INFRA / "versions.tf").read_text()
    return dict(re.findall(r'source += "hashicorp/([\w-]+)"\s+version += "([\d.]+)"', text))


def from_terraform(schemas: Json) -> Json:
    """Reduces the schemas that `terraform providers schema -json` writes."""
    providers = schemas["provider_schemas"]
    return _document(
        lambda provider, kind, name: providers[REGISTRY + provider][_KINDS[kind]][name]
    )


def from_bindings(folder: Path) -> Json:
    """Reads the same from bindings; raises ValueError if their versions are not the pins."""
    versions = {provider: provider_version(folder, provider) for provider in pins()}
    if versions != pins():
        raise ValueError(f"the bindings are of {versions}, and versions.tf pins {pins()}")
    return _document(lambda *names: read_schema(folder, *names))


def render(document: Json) -> str:
    """Returns the text of the file, a line for each resource."""
    return _text(document, 4) + "\n"


def _document(read: Callable[[str, str, str], Json]) -> Json:
    providers: Json = {
        REGISTRY + provider: {
            "provider": {"version": 0, "block": {"attributes": _OWN}},
            **{kinds: {} for kinds in _KINDS.values()},
        }
        for provider in pins()
    }
    for provider, kind, name in _used():
        schema = read(provider, kind, name)
        cut = {"version": schema["version"], "block": _cut(schema["block"])}
        providers[REGISTRY + provider][_KINDS[kind]][name] = cut
    return {"format_version": "1.0", "versions": pins(), "provider_schemas": providers}


def _used() -> set[tuple[str, str, str]]:
    """Returns (provider, kind, type) of each resource and data source in `infra/`."""
    text = "\n".join(path.read_text() for path in INFRA.glob("*.tf"))
    found = re.findall(r'^(resource|data) "(\w+)" "\w+" \{\n(.*?)^\}', text, re.M | re.DOTALL)
    named = {(_provider(name, body), kind, name) for kind, name, body in found}
    fields = {("google", "resource", "google_firestore_field")}  # in exemptions.tf.json
    return {names for names in named | fields if names[0] != "terraform"}


def _provider(name: str, body: str) -> str:
    """Returns the provider that a resource names, else the first word of its type."""
    named = re.search(r"^  provider += ([\w-]+)", body, re.MULTILINE)
    return named[1] if named else name.partition("_")[0]


def _cut(block: Json) -> Json:
    """Removes the descriptions of a block."""
    attributes = {
        name: {key: value for key, value in attribute.items() if key in _KEPT}
        for name, attribute in block.get("attributes", {}).items()
    }
    blocks = {
        name: {**nested, "block": _cut(nested["block"])}
        for name, nested in block.get("block_types", {}).items()
    }
    return {"attributes": attributes, **({"block_types": blocks} if blocks else {})}


def _text(value: Any, depth: int) -> str:
    if depth == 0 or not isinstance(value, dict):
        return json.dumps(value, sort_keys=True, separators=(",", ":"))
    items = (f"{json.dumps(key)}: {_text(value[key], depth - 1)}" for key in sorted(value))
    return "{\n" + ",\n".join(items) + "\n}"


if __name__ == "__main__":
    given = sys.argv[1:]
    made = from_bindings(Path(given[0])) if given else from_terraform(json.load(sys.stdin))
    sys.stdout.write(render(made))
