"""Stands in for Docker's engine: a container is a process of this machine."""

import contextlib
from pathlib import Path
from typing import Any

from testcontainers.core.config import ConnectionMode

from tests.support.starting import environment, started


class Container:
    """A container of the image, as Docker's library knows it."""

    id = short_id = "1"
    status = "running"

    def __init__(self, command: str, variables: dict[str, str]) -> None:
        self.command = command
        self.variables = variables
        self.url = ""
        self.running = contextlib.ExitStack()

    def reload(self) -> None:
        """Its status does not change."""

    def remove(self, **_: Any) -> None:
        """Ends the process."""
        self.running.close()


class Engine:
    """What testcontainers asks of its DockerClient; the image's command runs in `folder`."""

    client = contextlib.ExitStack()

    def __init__(self, folder: Path, image: str, port: int) -> None:
        """A machine that has one image, which listens on `port`."""
        self._folder = folder
        self._image = image
        self._port = port

    def create(
        self, image: str, *, command: str, environment: dict[str, str], **_: Any
    ) -> Container:
        """A container that does not run yet."""
        assert image == self._image
        return Container(command, environment)

    def start(self, container: Container) -> None:
        """Starts the command, without the word `start`, which the stand-in says itself."""
        word, *options = container.command.split()
        assert word == "start"
        variables = environment(**container.variables)
        process = started(*options, folder=self._folder, variables=variables)
        container.url, _ = container.running.enter_context(process)
        self._container = container

    def port(self, container_id: str, port: int) -> int:
        """The port of this machine that leads to the container's."""
        assert port == self._port
        return int(self._container.url.rpartition(":")[2])

    def host(self) -> str:
        """The machine of the engine."""
        return "127.0.0.1"

    def get_connection_mode(self) -> ConnectionMode:
        """By the host's ports."""
        return ConnectionMode.docker_host
