"""The Terraform of `infra/` as Python data; expressions stay text, as `"${local.functions}"`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

from tests.conftest import ROOT

INFRA = ROOT / "infra"

Body = dict[str, Any]
"""What stands in a block: an argument's value, or a list of bodies for each kind of block."""

_OPTIONS = hcl2.SerializationOptions(with_comments=False, strip_string_quotes=True)
_MARK = "__is_block__"


@dataclass(frozen=True)
class Resource:
    """A resource, or a data source, by the address that it has in Terraform."""

    kind: str
    type: str
    name: str
    body: Body

    @property
    def address(self) -> str:
        """How expressions call it."""
        return f"{'data.' if self.kind == 'data' else ''}{self.type}.{self.name}"


@dataclass(frozen=True)
class Configuration:
    """All `.tf` files of a folder."""

    resources: dict[str, Resource]
    variables: dict[str, Body]
    outputs: dict[str, Body]
    locals: Body
    terraform: Body
    text: str

    def of_type(self, type: str) -> Iterator[Resource]:
        """The resources of one type."""
        return (resource for resource in self.resources.values() if resource.type == type)


def read_configuration(folder: Path = INFRA) -> Configuration:
    """Parses a folder; raises what the parser raises, or ValueError for a name given twice."""
    files = [path.read_text() for path in sorted(folder.glob("*.tf"))]
    blocks = [
        parsed
        for text in files
        for parsed in hcl2.loads(text, serialization_options=_OPTIONS).items()
    ]
    found = [(kind, block) for kind, bodies in blocks for block in bodies]
    resources = [
        Resource(kind, type, name, body)
        for kind, block in found
        if kind in {"resource", "data"}
        for type, named in block.items()
        for name, body in named.items()
    ]
    return Configuration(
        resources=_unique((resource.address, resource) for resource in resources),
        variables=_unique(
            pair for kind, block in found if kind == "variable" for pair in block.items()
        ),
        outputs=_unique(
            pair for kind, block in found if kind == "output" for pair in block.items()
        ),
        locals=_unique(
            (name, value)
            for kind, block in found
            if kind == "locals"
            for name, value in block.items()
            if name != _MARK
        ),
        terraform=next(block for kind, block in found if kind == "terraform"),
        text="\n".join(files),
    )


def _unique(pairs: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name} is there twice")
        found[name] = value
    return found
