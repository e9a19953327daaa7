"""Firestore's messages, made from their descriptors alone.

Importing google-cloud-firestore takes longer than all other imports of a start, and the store
needs no more of it than these; see docs/decisions/0012. `infra/generate/firestore_messages.py`
writes the descriptors. `infra/generate/firestore_types.py` writes the stub beside this file, from
which mypy knows the fields. Tests hold the descriptors against the library and the stub against the
descriptors.
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
