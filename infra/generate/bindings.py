"""Reads a provider's schema from the source of its prebuilt CDK bindings.

The bindings have one Python module for each resource. The class `…Config` takes the resource's
arguments and blocks. Each block is a class. The docstrings give Terraform's names. This module
parses the bindings and does not import them: an import starts a Node process.

The bindings do not distinguish a set from a list, nor an argument that the provider fills in from
one that it does not. The schema says "list" and "optional and computed" for them.
"""

import ast
import re
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_META = {"connection", "count", "depends_on", "for_each", "lifecycle", "provider", "provisioners"}
"""The arguments that Terraform takes in every resource."""

_NAME = re.compile(r":param (\w+):[^\n]*?\{@link \S+#(\w+) ")


def provider_version(folder: Path, provider: str) -> str:
    """The version of the provider that the bindings in `folder` were made from."""
    (metadata,) = folder.glob(f"{_package(provider)}-*.dist-info/METADATA")
    match = re.search(r"provider version ([\d.]+)", metadata.read_text())
    if match is None:
        raise ValueError(f"{metadata} names no version of {provider}")
    return match[1]


def read_schema(folder: Path, provider: str, kind: str, name: str) -> Json:
    """Reads the schema of a resource (`kind` "resource") or a data source ("data").

    It has the form of `terraform providers schema -json`. Raises FileNotFoundError if the provider
    does not have the type `name`.
    """
    # The modules of data sources, and all those of google-beta, keep the provider's name.
    module = f"data_{name}" if kind == "data" else name.removeprefix(f"{provider}_")
    path = folder / _package(provider) / module / "__init__.py"
    return {"version": 0, "block": _Module(ast.parse(path.read_text())).block()}


def _package(provider: str) -> str:
    return f"cdktn_provider_{provider.replace('-', '_')}"


class _Module:
    """The classes of one module of the bindings."""

    def __init__(self, tree: ast.Module) -> None:
        self._classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}

    def block(self) -> Json:
        config = next(
            name
            for name, node in self._classes.items()
            if any("TerraformMetaArguments" in ast.unparse(base) for base in node.bases)
        )
        return self._block(config, config.removesuffix("Config"))

    def _block(self, inputs: str, outputs: str) -> Json:
        """Returns the arguments of the class `inputs`, and the other attributes of `outputs`."""
        attributes: Json = {}
        blocks: Json = {}
        init = _methods(self._classes[inputs])["__init__"]
        names = dict(_NAME.findall(ast.get_docstring(init, clean=False) or ""))
        for parameter, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True):
            if parameter.arg in _META:
                continue
            name = names[parameter.arg]
            annotation = ast.unparse(parameter.annotation) if parameter.annotation else ""
            below = re.search(r"Union\['?(\w+)'?, typing\.Dict", annotation)
            if below is None:
                use = {"required": True} if default is None else {"optional": True}
                attributes[name] = {"type": _type(annotation), **use}
                if default is not None:
                    attributes[name]["computed"] = True
                continue
            blocks[name] = {
                "nesting_mode": "list",
                "block": self._block(below[1], f"{below[1]}OutputReference"),
            }
            if default is None:
                blocks[name]["min_items"] = 1
            if "typing.Sequence" not in annotation:
                blocks[name]["max_items"] = 1
        for name, type_of_name in self._answers(outputs).items():
            if name not in attributes and name not in blocks:
                attributes[name] = {"type": type_of_name, "computed": True}
        return {"attributes": attributes, "block_types": blocks}

    def _answers(self, outputs: str) -> Json:
        """Returns the readable attributes with their types."""
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
    # Reversed, so that the first of several overloads wins.
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
