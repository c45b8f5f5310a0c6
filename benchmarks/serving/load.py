"""How the server behaves under load: below its capacity, far above it, when clients leave, and when it is stopped.

    python benchmarks/serving/load.py                  # all of it: about 3 minutes
    python benchmarks/serving/load.py --minutes 30     # mixed load for so long: does memory grow?
    python benchmarks/serving/load.py --seconds 2      # is everything there? figures mean nothing

A GPT of 1.3 M random weights writes texts of 100 tokens. The server runs on one core (`--cores`), in a process of its own, and
the client on the others; requests come at random moments, whether or not earlier ones are answered (open loop). `capacity` is
what as many clients as there are slots get, each asking one request after another. Exit code 1: a figure misses what it
has to be, which stands beside it. The machine should have nothing else to do: the load before is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from client import Client, Outcome, closed_loop, open_loop, percentile

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parents[1] / "src"
MODEL = """
import sys
import zaohua as zh
text = "".join(chr(32 + (7 * i * i + i // 5) % 90) for i in range(20_000))
options = {"max_steps": 1, "batch_size": 1, "patience": None, "validation_fraction": 0.0}
zh.GPT(width=144, layers=5, heads=4, device="cpu", random_state=0, **options).fit([text]).save(sys.argv[1])
"""
SLOTS = 32


class Figures:
    """What was measured, and whether it is as it has to be."""

    def __init__(self) -> None:
        self.found: dict[str, Any] = {}
        self.missed: list[str] = []

    def add(self, name: str, value: float, at_most: float | None = None, at_least: float | None = None) -> None:
        """Note and print a figure with its bound."""
        self.found[name] = round(value, 4)
        right = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        bound = (
            f"at most {at_most:.4g}"
            if at_most is not None
            else f"at least {at_least:.4g}"
            if at_least is not None
            else ""
        )
        print(f"{name:<50} {value:>10.4g}  {bound}{'' if right else '   MISSED'}", flush=True)
        if not right:
            self.missed.append(name)


@contextlib.contextmanager
def server(run: Path, cores: set[int]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`zaohua serve` on some cores; yields the process and its port when the model is there."""
    command = [sys.executable, "-m", "zaohua", "serve", str(run), "--port", "0", "--slots", str(SLOTS)]
    env = {**os.environ, "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=env, preexec_fn=lambda: os.sched_setaffinity(0, cores)
    ) as made:
        try:
            assert made.stdout is not None
            found = re.search(r":(\d+),", made.stdout.readline())
            assert found is not None, "the server didn't start"
            asyncio.run(until_ready(int(found[1])))
            yield made, int(found[1])
        finally:
            made.kill()


async def until_ready(port: int) -> None:
    """Wait until the model is there."""
    while (await Client(port, "", 0).get("/health/ready")).status != 200:
        await asyncio.sleep(0.2)


def memory(process: int) -> float:
    """MB of a process that are in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def cpu(process: int) -> float:
    """CPU seconds that a process has used, all threads together: busy neighbours don't change them."""
    found = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(found[11]) + int(found[12])) / os.sysconf("SC_CLK_TCK")


async def probed(client: Client, work: Awaitable[list[Outcome]]) -> tuple[list[Outcome], list[float]]:
    """Ask for `/health` twenty times a second meanwhile; returns the outcomes, and the seconds of the answers."""
    waits, task = list[float](), asyncio.ensure_future(work)
    while not task.done():
        waits.append((await client.get("/health")).seconds)
        await asyncio.sleep(0.05)
    return await task, waits


async def below_and_above(client: Client, process: int, seconds: float, figures: Figures) -> float:
    """Measure capacity, four fifths of it, five times it, and the time after; returns the capacity."""

    async def ask(number: int) -> Outcome:
        return await client.post(client.text(number))

    async def quick() -> bool:
        found = await ask(0)
        return found.good and found.seconds < 2 * alone

    await closed_loop(ask, SLOTS, seconds / 2)  # warm up
    alone = percentile([found.seconds for found in await closed_loop(ask, 1, seconds / 2)], 0.5)
    used = cpu(process)
    done = await closed_loop(ask, SLOTS, seconds)
    each = (cpu(process) - used) / sum(found.good for found in done)
    capacity = sum(found.good for found in done) / seconds
    figures.add("service time of one request alone, s", alone)
    figures.add("capacity, requests/s", capacity)
    figures.add("capacity, tokens/s at most", capacity * client.tokens)
    figures.add("capacity, CPU ms of a request", 1000 * each)

    found, _ = await probed(client, open_loop(ask, 0.8 * capacity, seconds))
    figures.add("0.8 C: requests", len(found))
    figures.add("0.8 C: errors", sum(not one.good for one in found), at_most=0)
    figures.add("0.8 C: p50, s", percentile([one.seconds for one in found], 0.5))
    figures.add("0.8 C: p99, s", percentile([one.seconds for one in found], 0.99), at_most=10 * alone)

    before, since, used = memory(process), time.perf_counter(), cpu(process)
    found, health = await probed(client, open_loop(ask, 5 * capacity, seconds))
    good = sum(one.good for one in found)
    took = time.perf_counter() - since  # with the queue that is left at the end, which is worked on, too
    refused = [one.seconds for one in found if one.status == 429]
    broken = sum(not one.good and one.status != 429 for one in found)
    figures.add("5 C: requests", len(found))
    figures.add("5 C: neither done nor refused", broken, at_most=0)
    figures.add("5 C: goodput in capacities", good / took / capacity, at_least=0.9)
    figures.add("5 C: the same by CPU time", good * each / (cpu(process) - used))
    figures.add("5 C: p99 of refusals, s", percentile(refused, 0.99), at_most=0.05)
    figures.add("5 C: p99 of /health, s", percentile(health, 0.99), at_most=0.05)
    figures.add("5 C: growth of memory", memory(process) / before - 1, at_most=0.2)
    since = time.perf_counter()
    while not (await quick()) and time.perf_counter() - since < 30:
        pass
    figures.add("after it: seconds until a request is quick", time.perf_counter() - since, at_most=5)
    return capacity


async def leaving(client: Client, figures: Figures) -> None:
    """Let 100 clients leave, half of them streams, and measure until their rows are free."""
    written = await client.measure("zaohua_generation_tokens_total")
    since = time.perf_counter()
    await asyncio.gather(*(client.post(client.text(i)) for i in range(SLOTS)))
    steps = (await client.measure("zaohua_generation_tokens_total") - written) / SLOTS
    step = (time.perf_counter() - since) / max(steps, 1)
    long = {"max_tokens": 4000}
    await asyncio.gather(*(client.post(client.text(i, stream=i % 2 == 0, **long), 1.0) for i in range(100)))
    since, looks = time.perf_counter(), 1
    while await client.measure("zaohua_requests_running") + await client.measure("zaohua_requests_waiting"):
        looks += 1
        if time.perf_counter() - since > 30:
            break
    free = time.perf_counter() - since
    look = free / looks  # how long it takes to look once, which is all that can be told apart
    figures.add("100 clients leave: s until all rows are free", free, at_most=2 * step + 2 * look)
    figures.add("how long it takes to look once, s", look)
    figures.add("a step of all rows, s", step)


async def stopping(client: Client, made: subprocess.Popen[str], rate: float, seconds: float, figures: Figures) -> None:
    """Stop the server under load: what it accepted is to be answered."""

    async def ask(number: int) -> Outcome:
        return await client.post(client.text(number))

    task = asyncio.ensure_future(open_loop(ask, rate, seconds))
    await asyncio.sleep(seconds / 2)
    made.send_signal(signal.SIGTERM)
    found = await task
    figures.add("stopped under load: answered", sum(each.good for each in found), at_least=1)
    figures.add("stopped under load: lost", sum(not each.good and each.status != 0 for each in found), at_most=0)
    figures.add("stopped under load: exit code", made.wait(60), at_most=0)


async def mixed(client: Client, process: int, rate: float, minutes: float, figures: Figures) -> None:
    """Send requests of all kinds for long, and look at memory: it may not grow in the second half."""
    sizes = list[tuple[float, float]]()
    kinds: list[Callable[[int], Awaitable[Outcome]]] = [
        lambda i: client.post(client.text(i)),
        lambda i: client.post(client.text(i, stream=True)),
        lambda i: client.post(client.text(i, stream=True), 0.05),  # leaves
        lambda i: client.post(client.text(i), 0.05),
        lambda i: client.post(client.text(i, n=4, logprobs=2)),
        lambda i: client.post({"model": client.model, "n": 2, "seed": i}, path="/v1/samples"),
        lambda i: client.post(b"[" * 100_000),
        lambda i: client.post({"model": "none", "prompt": "a" * 100_000}),
        lambda i: client.get("/v1/models"),
        lambda i: client.get("/metrics"),
    ]

    async def look() -> None:
        began = time.perf_counter()
        while True:
            sizes.append((time.perf_counter() - began, memory(process)))
            await asyncio.sleep(min(10.0, 60 * minutes / 20))

    looking = asyncio.ensure_future(look())
    found = await open_loop(lambda i: kinds[i % len(kinds)](i), rate, 60 * minutes)
    looking.cancel()
    figures.found["memory, MB"] = [(round(at), round(size, 1)) for at, size in sizes]
    later = [size for at, size in sizes if at >= 30 * minutes]
    figures.add("mixed: requests", len(found))
    figures.add("mixed: 5xx, or broken off", sum(each.status >= 500 or each.status == -1 for each in found), at_most=0)
    figures.add("mixed: memory in the middle, MB", later[0])
    figures.add("mixed: growth since then", later[-1] / later[0] - 1, at_most=0.02)


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="of each load")
    parser.add_argument("--minutes", type=float, help="mixed load for so long instead")
    parser.add_argument("--tokens", type=int, default=100)
    parser.add_argument("--cores", type=int, default=1, help="of the server; the client has the others, or shares all")
    given = parser.parse_args()
    cores, figures, load = sorted(os.sched_getaffinity(0)), Figures(), os.getloadavg()[0]
    print(f"load before: {load:.2f}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "gpt"
        subprocess.run([sys.executable, "-c", MODEL, run], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True)
        os.sched_setaffinity(0, cores[given.cores :] or cores)
        with server(run, set(cores[: given.cores])) as (made, port):
            client = Client(port, "gpt", given.tokens)
            if given.minutes:
                asyncio.run(mixed(client, made.pid, 5, given.minutes, figures))
            else:
                capacity = asyncio.run(below_and_above(client, made.pid, given.seconds, figures))
                asyncio.run(leaving(client, figures))
                asyncio.run(stopping(client, made, 0.8 * capacity, given.seconds / 2, figures))
    result = {"load": {"start": round(load, 2), "end": round(os.getloadavg()[0], 2)}, **figures.found}
    (HERE.parent / "results").mkdir(exist_ok=True)
    path = HERE.parent / "results" / f"serving-load-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return bool(figures.missed)


if __name__ == "__main__":
    sys.exit(main())
