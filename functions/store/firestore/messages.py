"""Firestore's messages, made from their descriptors alone.

To import google-cloud-firestore takes longer than all else that a start needs, and the store
speaks no more of it than these: see docs/decisions/0012. `infra/generate/firestore_messages.py` writes the
descriptors, and `infra/generate/firestore_types.py` the stub beside this file, by which mypy knows the
fields. Tests hold the one against the library and the other against the descriptors.
"""

import base64
import zlib
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from functions.store.firestore.descriptors import DESCRIPTORS


def descriptors() -> FileDescriptorSet:
    """Each file behind those that it depends on."""
    return FileDescriptorSet.FromString(zlib.decompress(base64.b85decode(DESCRIPTORS)))


# A pool of its own, so that the library may be imported beside it.
_pool = DescriptorPool()
for _file in descriptors().file:
    _pool.AddSerializedFile(_file.SerializeToString())


def __getattr__(name: str) -> Any:
    """The class of a message of google.firestore.v1, made at its first use, or Timestamp's."""
    package = "google.protobuf" if name == "Timestamp" else "google.firestore.v1"
    try:
        found = _pool.FindMessageTypeByName(f"{package}.{name}")
    except KeyError:
        raise AttributeError(name) from None
    return GetMessageClass(found)
