"""Writes the descriptors of the messages that the Firestore store speaks, from the library's own.

python -m infra.generate.firestore_messages > functions/store/firestore/descriptors.py
"""

import base64
import sys
import textwrap
import zlib

from google.cloud.firestore_v1.types import firestore
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

_HEAD = '''\
"""Made by infra/generate/firestore_messages.py: a google.protobuf.FileDescriptorSet, packed."""

DESCRIPTORS = (
'''


def library_descriptors() -> FileDescriptorSet:
    """The library's, each file behind those that it depends on.

    Sorted, since the library makes them in the order of its sets.
    """
    files: dict[str, FileDescriptorProto] = {}

    def add(file: FileDescriptor) -> None:
        dependencies = sorted(file.dependencies, key=lambda dependency: dependency.name)
        for dependency in dependencies:
            add(dependency)
        if file.name not in files:
            copy = files[file.name] = FileDescriptorProto()
            file.CopyToProto(copy)
            copy.dependency[:] = [dependency.name for dependency in dependencies]

    add(firestore.CommitRequest.pb().DESCRIPTOR.file)
    return FileDescriptorSet(file=files.values())


def render() -> str:
    """The whole module."""
    packed = zlib.compress(library_descriptors().SerializeToString(deterministic=True), 9)
    lines = textwrap.wrap(base64.b85encode(packed).decode(), 90)
    return _HEAD + "".join(f'    "{line}"\n' for line in lines) + ")\n"


if __name__ == "__main__":
    sys.stdout.write(render())
