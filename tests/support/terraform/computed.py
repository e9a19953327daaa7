"""Arguments that only a provider sets; `terraform validate` leaves them to the provider."""

from collections.abc import Iterator
from typing import Any

from infra.generate.schemas import REGISTRY
from tests.support.terraform.configuration import Body, Configuration
from tests.support.terraform.providers import SCHEMAS


def computed(configuration: Configuration) -> list[str]:
    """A sentence for each argument that a resource sets although only its provider sets it."""
    return [
        f"{resource.address}{path} is for the provider to set"
        for resource in configuration.resources.values()
        if (block := _schema(resource.kind, resource.type))
        for path in _below(resource.body, block)
    ]


def _schema(kind: str, name: str) -> Any:
    kinds = {"resource": "resource_schemas", "data": "data_source_schemas"}[kind]
    providers = SCHEMAS["provider_schemas"]
    found = [
        providers[f"{REGISTRY}{provider}"][kinds].get(name) for provider in SCHEMAS["versions"]
    ]
    return next((schema["block"] for schema in found if schema), None)


def _below(body: Body, block: Any) -> Iterator[str]:
    generated = {
        name: generator["content"]
        for dynamic in body.get("dynamic", [])
        for name, generator in dynamic.items()
    }
    for name, value in {**body, **generated}.items():
        if block["attributes"].get(name, {}).keys() == {"type", "computed"}:
            yield f".{name}"
        if nested := block.get("block_types", {}).get(name):
            for inner in value:
                yield from (f".{name}{path}" for path in _below(inner, nested["block"]))
