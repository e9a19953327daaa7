"""Firestore's messages, made from their descriptors alone.

To import google-cloud-firestore takes longer than all else that a start needs, and the store
speaks no more of it than these. `infra/firestore_messages.py` writes the descriptors, and a test
holds them against the library.
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


def message(name: str) -> Any:
    """The class of a message of google.firestore.v1."""
    found = _pool.FindMessageTypeByName(f"google.firestore.v1.{name}")
    return GetMessageClass(found)
