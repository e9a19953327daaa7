"""How many documents the request of this thread has cost so far."""

import threading


class FirestoreUsage(threading.local):
    """Documents read, written and deleted, counted as Firestore bills them.

    Each thread has its own counts.
    """

    reads = 0
    writes = 0
    deletes = 0

    def reset(self) -> None:
        """Starts at nothing, for the next request of the thread."""
        self.reads = self.writes = self.deletes = 0


usage = FirestoreUsage()
