"""Load from wrk, which answers for itself: any answer but 2xx fails the run."""

import itertools
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass

CONNECTIONS = 8
"""Connections of a load that asks for throughput: as many as a server on two cores has threads."""

_SCRIPT = """\
local count = 0
local paths = {%(paths)s}
local body = %(body)s
local headers = {["Content-Type"] = "application/json"}

function request()
  count = count + 1
  local unique = "%(run)s-" .. count
  local path = paths[count %% #paths + 1]:gsub("@", unique)
  return wrk.format("%(verb)s", path, headers, body and body:gsub("@", unique))
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests": %%d, "microseconds": %%d, "errors": %%d, "median": %%f}\\n',
    summary.requests,
    summary.duration,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50)))
end
"""

_runs = itertools.count(1)
_shares: list[float] = []


@dataclass(frozen=True)
class Load:
    """A request that is sent again and again, over its paths in turn.

    Every `@` in a path or in the body is a text that comes only once.
    """

    verb: str
    paths: Sequence[str]
    body: str | None = None


@dataclass(frozen=True)
class Outcome:
    """Requests answered per second, and the median time to an answer in milliseconds."""

    rate: float
    median: float


def wrk(url: str, load: Load, seconds: float, connections: int = CONNECTIONS) -> Outcome:
    """Sends a load for some whole seconds, longer where nothing is answered in them.

    Raises RuntimeError for any error.
    """
    script = _SCRIPT % {
        "paths": ", ".join(map(json.dumps, load.paths)),
        "body": "nil" if load.body is None else json.dumps(load.body),
        "run": next(_runs),
        "verb": load.verb,
    }
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        result = {"requests": 0}
        while not result["requests"]:
            length = f"-d{max(1, round(seconds))}s"
            command = ["wrk", "-t1", f"-c{connections}", length, "--timeout=60s"]
            output = _run([*command, f"-s{file.name}", url])
            result = json.loads(output.splitlines()[-1])
            if result["errors"]:
                raise RuntimeError(f"{load.verb} {load.paths[0]} fails at {url}:\n{output}")
            seconds *= 2
    return Outcome(result["requests"] / result["microseconds"] * 1e6, result["median"] / 1000)


def shares() -> tuple[float, float]:
    """The median and the largest share of one core that wrk took in any run."""
    return statistics.median(_shares), max(_shares)


def version() -> str:
    """What wrk calls itself."""
    return subprocess.run(["wrk", "-v"], capture_output=True, text=True).stdout.split(" [")[0]


def _run(command: list[str]) -> str:
    start = time.monotonic()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{text}")
    _shares.append((usage.ru_utime + usage.ru_stime) / (time.monotonic() - start))
    return text
