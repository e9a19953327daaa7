"""Counts the documents that the request of a thread has cost so far."""

import threading


class FirestoreUsage(threading.local):
    """Documents read, written and deleted, counted as Firestore bills them.

    Each thread has its own counts.
    """

    reads = 0
    writes = 0
    deletes = 0

    def reset(self) -> None:
        """Sets all counts to 0, for the next request of the thread."""
        self.reads = self.writes = self.deletes = 0


usage = FirestoreUsage()
