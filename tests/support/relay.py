"""A TCP relay that can fall silent: it loses the bytes of a connection and reports no error."""

import contextlib
import socket
import threading
from collections.abc import Iterator


class Relay:
    """Forwards each connection to a server."""

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._silent: set[socket.socket] = set()
        self._clients: list[socket.socket] = []
        self.host = f"127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def connections(self) -> int:
        """How many connections there have been."""
        return len(self._clients)

    def swallow(self) -> None:
        """From now on, forwards nothing of the connections that exist."""
        self._silent.update(self._clients)

    def close(self) -> None:
        """Ends the relay; it accepts no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                server = socket.create_connection(self._server)
                for way in ((client, server), (server, client)):
                    threading.Thread(target=self._hand_on, args=way, daemon=True).start()

    def _hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if source not in self._silent:
                    sink.sendall(data)
            sink.close()


@contextlib.contextmanager
def relay(server: str) -> Iterator[Relay]:
    """A relay to `host:port` until the block ends."""
    made = Relay(server)
    try:
        yield made
    finally:
        made.close()
