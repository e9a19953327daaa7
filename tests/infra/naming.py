"""Whether resources, arguments and blocks are called what their provider calls them."""

from collections.abc import Iterator

from tests.infra.bindings import Block, schema_of
from tests.infra.configuration import (
    Body,
    Configuration,
    Resource,
    arguments_of,
    blocks_of,
)

META_ARGUMENTS = {"count", "depends_on", "for_each", "provider"}
META_BLOCKS = {"connection", "lifecycle", "provisioner"}
BUILT_IN = {"terraform_data": {"input", "triggers_replace"}}
"""What Terraform brings itself."""


def provider_of(resource: Resource) -> str:
    """The provider of a resource: the one that it names, or the one that its type begins with."""
    named = str(resource.body.get("provider", resource.type.split("_")[0]))
    return named.removeprefix("${").removesuffix("}")


def misnamed(configuration: Configuration) -> list[str]:
    """A sentence for each name that the provider's schema does not have, or that it misses."""
    return [
        complaint
        for resource in configuration.resources.values()
        for complaint in _misnamed_in(resource)
    ]


def _misnamed_in(resource: Resource) -> Iterator[str]:
    arguments = {
        name: value
        for name, value in arguments_of(resource.body).items()
        if name not in META_ARGUMENTS
    }
    blocks = {
        name: bodies for name, bodies in blocks_of(resource.body).items() if name not in META_BLOCKS
    }
    if resource.type in BUILT_IN:
        for name in {*arguments, *blocks} - BUILT_IN[resource.type]:
            yield f"{resource.address} has no {name}"
        return
    schema = schema_of(provider_of(resource), resource.kind, resource.type)
    if schema is None:
        yield f"{provider_of(resource)} has no {resource.kind} {resource.type}"
    else:
        yield from _compared({**arguments, **blocks}, schema, resource.address)


def _compared(body: Body, schema: Block, address: str) -> Iterator[str]:
    arguments, blocks = arguments_of(body), blocks_of(body)
    for name in arguments:
        if name in schema.blocks:
            yield f"{address}.{name} is a block"
        elif name not in schema.attributes or not schema.attributes[name].is_argument:
            yield f"{address} has no argument {name}"
    for name, bodies in blocks.items():
        if name not in schema.blocks:
            yield f"{address} has no block {name}"
            continue
        if len(bodies) > 1 and not schema.blocks[name].may_repeat:
            yield f"{address}.{name} may be there once"
        for below in bodies:
            yield from _compared(below, schema.blocks[name].block, f"{address}.{name}")
    required = [name for name, attribute in schema.attributes.items() if attribute.is_required]
    required += [name for name, nested in schema.blocks.items() if nested.is_required]
    for name in required:
        if name not in arguments and name not in blocks:
            yield f"{address} lacks {name}"
