"""A client that costs little, for a server under load: HTTP/1.1 over asyncio, a connection for each request."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Outcome:
    """What became of a request.

    Attributes:
        status: of the answer; 0 if the connection was refused, -1 if it broke off, -2 if nothing came in time.
        seconds: until its end.
        whole: whether all of it came.
        body: what came.
    """

    status: int
    seconds: float
    whole: bool = False
    body: bytes = b""

    @property
    def good(self) -> bool:
        """Whether the text that was asked for came."""
        return self.status == 200 and self.whole


class Client:
    """Sends requests to a server of this machine; `more` is asked for in each request for a text."""

    def __init__(self, port: int, model: str, tokens: int, **more: Any):
        self.port, self.model, self.tokens, self.more = port, model, tokens, more

    def text(self, seed: int, **more: Any) -> dict[str, Any]:
        """A request for a text."""
        return {"model": self.model, "prompt": "", "max_tokens": self.tokens, "seed": seed, **self.more, **more}

    async def post(self, body: dict[str, Any] | bytes, leave: float = 60, path: str = "/v1/completions") -> Outcome:
        """Send a POST request; go away after some seconds."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
        return await self._send(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data, leave)

    async def get(self, path: str, leave: float = 60) -> Outcome:
        """Send a GET request."""
        return await self._send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode(), leave)

    async def measure(self, name: str) -> float:
        """A measure of the server, summed over its labels."""
        lines = (await self.get("/metrics")).body.decode().splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    async def _send(self, data: bytes, leave: float) -> Outcome:
        since, found = time.perf_counter(), b""
        try:
            async with asyncio.timeout(leave):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                try:
                    writer.write(data)
                    found = await reader.read()
                finally:
                    writer.close()
        except ConnectionRefusedError:
            return Outcome(0, time.perf_counter() - since)
        except TimeoutError:
            return Outcome(-2, time.perf_counter() - since)
        except OSError:
            return Outcome(-1, time.perf_counter() - since)
        head, _, body = found.partition(b"\r\n\r\n")
        if not head:
            return Outcome(-1, time.perf_counter() - since)
        return Outcome(int(head.split()[1]), time.perf_counter() - since, body.endswith((b"}", b"0\r\n\r\n")), body)


async def closed_loop(ask: Callable[[int], Awaitable[Outcome]], clients: int, seconds: float) -> list[Outcome]:
    """Let clients ask one request after another for some time."""
    end, found, number = time.perf_counter() + seconds, list[Outcome](), iter(range(10**9))

    async def one() -> None:
        while time.perf_counter() < end:
            found.append(await ask(next(number)))

    await asyncio.gather(*(one() for _ in range(clients)))
    return found


async def open_loop(
    ask: Callable[[int], Awaitable[Outcome]], rate: float, seconds: float, seed: int = 0
) -> list[Outcome]:
    """Send requests at random moments (Poisson), whether or not earlier ones are answered, and wait for all."""
    draw, due, tasks = random.Random(seed), 0.0, list[asyncio.Task[Outcome]]()
    began = time.perf_counter()
    while due < seconds:
        await asyncio.sleep(max(0.0, began + due - time.perf_counter()))
        tasks.append(asyncio.ensure_future(ask(len(tasks))))
        due += draw.expovariate(rate)
    return list(await asyncio.gather(*tasks))


def percentile(values: list[float], share: float) -> float:
    """The value below which a share of the values is; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
