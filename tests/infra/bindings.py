"""The schema of Terraform's providers, read from the source of their prebuilt CDK bindings.

The bindings are one Python module a resource. A class `…Config` takes the resource's arguments
and blocks, each block is a class of its own, and the docstrings say what Terraform calls them.
They are parsed, never imported: importing them starts a Node process.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

PROVIDERS = {
    "google": "cdktf-cdktf-provider-google",
    "google-beta": "cdktf-cdktf-provider-google-beta",
    "archive": "cdktf-cdktf-provider-archive",
}
"""Provider → the distribution that has its bindings."""

META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
"""What Terraform itself takes in every resource."""

_NAME = re.compile(r":param (\w+):[^\n]*?\{@link \S+#(\w+) ")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One argument, or an attribute that only the provider sets."""

    type: object
    """As Terraform's JSON has it: `"string"`, `["list", "string"]`; `"dynamic"` for the rest."""
    is_required: bool = False
    is_argument: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """What may stand in a resource, or in a block of it."""

    attributes: dict[str, Attribute] = field(default_factory=dict)
    blocks: dict[str, "Nested"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Nested:
    """A kind of block in another block."""

    block: Block
    may_repeat: bool
    is_required: bool


def provider_version(provider: str) -> str:
    """The version of the provider that the bindings were made from."""
    text = distribution(PROVIDERS[provider]).read_text("METADATA") or ""
    match = re.search(r"provider version ([\d.]+)", text)
    assert match is not None, f"the bindings of {provider} do not say what they bind"
    return match[1]


@cache
def schema_of(provider: str, kind: str, type: str) -> Block | None:
    """The schema of a resource (`kind` "resource") or data source ("data"), None for no such."""
    # Modules of data sources, and of google-beta, keep the provider's name in theirs.
    module = f"data_{type}" if kind == "data" else type.removeprefix(f"{provider}_")
    path = _root(provider) / module / "__init__.py"
    return _Module(ast.parse(path.read_text())).schema() if path.exists() else None


def _root(provider: str) -> Path:
    package = PROVIDERS[provider]
    return Path(str(distribution(package).locate_file(package.replace("-", "_"))))


class _Module:
    """The classes of one module of the bindings."""

    def __init__(self, tree: ast.Module) -> None:
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def schema(self) -> Block:
        config = next(
            name
            for name, node in self._classes.items()
            if any("TerraformMetaArguments" in ast.unparse(base) for base in node.bases)
        )
        return self._block(config, config.removesuffix("Config"))

    def _block(self, inputs: str, outputs: str) -> Block:
        """What `inputs` takes, and what else its counterpart `outputs` answers."""
        block = Block()
        init = _methods(self._classes[inputs])["__init__"]
        names = dict(_NAME.findall(ast.get_docstring(init, clean=False) or ""))
        for parameter, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
            if parameter.arg in META:
                continue
            name = names[parameter.arg]
            annotation = ast.unparse(parameter.annotation) if parameter.annotation else ""
            below = re.search(r"Union\['?(\w+)'?, typing\.Dict", annotation)
            if below is None:
                block.attributes[name] = Attribute(_type(annotation), default is None)
            else:
                nested = self._block(below[1], f"{below[1]}OutputReference")
                block.blocks[name] = Nested(
                    nested, "typing.Sequence" in annotation, default is None
                )
        for name, type in self._answers(outputs).items():
            if name not in block.attributes and name not in block.blocks:
                block.attributes[name] = Attribute(type, is_argument=False)
        return block

    def _answers(self, outputs: str) -> dict[str, object]:
        """The attributes that can be read, and their types."""
        if outputs not in self._classes:
            return {}
        return {
            name: _type(ast.unparse(method.returns) if method.returns else "")
            for name, method in _methods(self._classes[outputs]).items()
            if any(ast.unparse(it) == "builtins.property" for it in method.decorator_list)
            and not name.endswith("_input")
            and name not in {"fqn", "internal_value"}
        }


def _methods(node: ast.ClassDef) -> dict[str, ast.FunctionDef]:
    return {item.name: item for item in reversed(node.body) if isinstance(item, ast.FunctionDef)}


def _type(annotation: str) -> object:
    inner = re.sub(r"^typing\.Optional\[(.*)\]$", r"\1", annotation)
    if "builtins.bool" in inner or re.fullmatch(r"\w+\.IResolvable", inner):
        return "bool"
    if match := re.fullmatch(r"typing\.(?:Sequence|List)\[(.*)\]", inner):
        return ["list", _type(match[1])]
    if match := re.fullmatch(r"typing\.Mapping\[builtins\.str, (.*)\]", inner):
        return ["map", _type(match[1])]
    if inner.endswith(".StringMap"):
        return ["map", "string"]
    return {"builtins.str": "string", "jsii.Number": "number"}.get(inner, "dynamic")
