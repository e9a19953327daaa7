"""Where the random parts of ids come from; imports no other module of this project."""

import random
import secrets
from contextvars import ContextVar

_SYSTEM = secrets.SystemRandom()

chance: ContextVar[random.Random] = ContextVar("chance", default=_SYSTEM)
"""The system's randomness, so that nobody can guess an id; an emulator may repeat a sequence."""
