"""How many documents the request of this thread has cost so far."""

import threading


class Documents(threading.local):
    """Counted as Firestore bills them; what other threads read or write is not in it."""

    reads = 0
    writes = 0
    deletes = 0

    def reset(self) -> None:
        """Starts at nothing, for the next request of the thread."""
        self.reads = self.writes = self.deletes = 0


documents = Documents()
