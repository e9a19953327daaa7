"""The Terraform of `infra/` as Python data; expressions stay text, as `"${local.functions}"`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from tests.support.project import INFRA

Spoil = Callable[..., Path]
"""Copies `infra/` and replaces a text in one file: `(file, old, new)` → the copy."""

Body = dict[str, Any]
"""What stands in a block: an argument's value, or a list of bodies for each kind of block."""

_OPTIONS = hcl2.SerializationOptions(
    with_comments=False, strip_string_quotes=True, explicit_blocks=False
)


@dataclass(frozen=True)
class Resource:
    """A resource, or a data source (`kind` "data")."""

    kind: str
    type: str
    address: str
    body: Body


@dataclass(frozen=True)
class Configuration:
    """All `.tf` files of a folder; resources are by address."""

    resources: dict[str, Resource]
    variables: dict[str, Body]
    outputs: dict[str, Body]
    locals: Body


def read_configuration(folder: Path = INFRA) -> Configuration:
    """Parses a folder. That no name is there twice is for `terraform validate` to see."""
    resources: dict[str, Resource] = {}
    named: dict[str, Body] = {"variable": {}, "output": {}, "locals": {}}
    for path in sorted(folder.glob("*.tf")):
        for kind, blocks in hcl2.loads(path.read_text(), serialization_options=_OPTIONS).items():
            for block in blocks:
                if kind in named:
                    named[kind] |= block
                elif kind in {"resource", "data"}:
                    ((label, bodies),) = block.items()
                    ((name, body),) = bodies.items()
                    address = f"{'data.' if kind == 'data' else ''}{label}.{name}"
                    resources[address] = Resource(kind, label, address, body)
    return Configuration(resources, named["variable"], named["output"], named["locals"])
