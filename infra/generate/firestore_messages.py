"""Writes the descriptors of the Firestore store's messages, read from google-cloud-firestore.

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
    """Returns the library's descriptors, each file behind the files that it depends on.

    The dependencies are sorted, because the library lists them in the order of a set.
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
    """Returns the text of the module."""
    packed = zlib.compress(library_descriptors().SerializeToString(deterministic=True), 9)
    lines = textwrap.wrap(base64.b85encode(packed).decode(), 90)
    return _HEAD + "".join(f'    "{line}"\n' for line in lines) + ")\n"


if __name__ == "__main__":
    sys.stdout.write(render())
