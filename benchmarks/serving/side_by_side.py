"""The server beside those that a user would pick instead, in one run, for one small language model.

    python benchmarks/serving/side_by_side.py                                # ours and `transformers serve`
    python benchmarks/serving/side_by_side.py --llama-server FILE            # and llama.cpp's server
    python benchmarks/serving/side_by_side.py --vllm FILE                    # and vLLM's; FILE is its command
    python benchmarks/serving/side_by_side.py --only ours --seconds 1 --turns 1   # is everything there?

A Llama of 10.6 million weights in float32 (6 layers, 6 heads, width 384, context 256, an alphabet of letters) that has
learnt for a moment is exported to what each server loads. 1, 16 and 32 clients, each of which asks for one text after
another (closed loop), want 100 tokens after a few letters, greedily; at 16, streams are measured, too. A server has one
core and one thread, the client the other core. Servers take turns, since one that waits may still use its core.

Told are medians of the turns: tokens per second by the clock and per CPU second of the server's processes, which busy
neighbours hardly change. Tokens are those that servers say they wrote. llama-server is built by cmake from llama.cpp's
sources, which the source package of llama-cpp-python holds in vendor/ (`-DGGML_NATIVE=ON`, target `llama-server`).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from client import Client, Outcome, closed_loop
from load import SOURCE, cpu

MODEL = """
import random, sys
import zaohua as zh
draw = random.Random(0)
words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 8))) for _ in range(200)]
text = " ".join(draw.choice(words) for _ in range(20_000))
settings = {"max_steps": 20, "batch_size": 8, "patience": None, "validation_fraction": 0.0, "random_state": 0}
model = zh.GPT(width=384, layers=6, heads=6, architecture="llama", device="cpu", **settings).fit([text])
model.save(sys.argv[1] + "/llama")
zh.export(model, "hf", sys.argv[1] + "/hf")
for kind in ("f32", "q8_0"):
    zh.export(model, "gguf", sys.argv[1] + "/" + kind, type=kind)
"""
ONE = {name: "1" for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TOKENIZERS_PARALLELISM")}
START = 120
"""Seconds within which a server has to answer."""


@dataclass
class Server:
    """A server to be measured.

    Attributes:
        command: what starts it, but for its port.
        model: what clients call the model.
        env: variables of its environment.
        more: what clients ask for besides.
    """

    command: list[str | Path]
    model: str
    env: dict[str, str] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)


def servers_of(given: argparse.Namespace, folder: Path) -> dict[str, Server]:
    """Return the servers that are there, by name."""
    python: list[str | Path] = [sys.executable, "-m"]
    hf, offline = str(folder / "hf"), {"HF_HUB_OFFLINE": "1"}
    theirs: list[str | Path] = [Path(sys.executable).parent / "transformers", "serve", hf, "--device", "cpu"]
    ours: list[str | Path] = [*python, "zaohua", "serve", folder / "llama"]
    source = {"PYTHONPATH": str(SOURCE)}
    found = {
        "ours": Server(ours, "llama", source),
        "ours, 8-bit weights": Server(ours, "llama", source, {"int8": True}),
        "transformers serve": Server(theirs, hf, offline),
        "transformers serve, continuous batching": Server([*theirs, "--continuous-batching"], hf, offline),
    }
    if given.llama_server:
        for kind in ("f32", "q8_0"):
            slots = ["--parallel", "32", "--ctx-size", str(32 * 256), "--threads", "1", "--threads-batch", "1"]
            command = [given.llama_server, "--model", folder / kind / "model.gguf", *slots, "--no-webui"]
            found[f"llama.cpp's server, {kind}"] = Server(command, "llama")
    if given.vllm:
        options = ["--max-model-len", "256", "--dtype", "float32", "--max-num-seqs", "32"]
        env = {**offline, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind"}
        found["vLLM"] = Server([given.vllm, "serve", hf, *options], hf, env)
    return {name: server for name, server in found.items() if not given.only or name in given.only}


@contextlib.contextmanager
def running(server: Server, core: int, log: Path) -> Iterator[tuple[int, Client]]:
    """Start a server on a core; yields its process and a client when it has answered once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, **ONE, **server.env}
    with log.open("w") as out:
        made = subprocess.Popen(
            [*server.command, "--port", str(port)],
            stdout=out,
            stderr=out,
            env=env,
            process_group=0,  # not a session: those have priorities of their own
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),
        )
        try:
            client = Client(port, server.model, 100, **server.more)
            asyncio.run(answering(made, client))
            yield made.pid, client
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(made.pid, signal.SIGKILL)
            made.wait()


async def answering(made: subprocess.Popen[bytes], client: Client) -> None:
    """Wait until a server writes texts.

    Raises:
        RuntimeError: if it ends before, or doesn't in time.
    """
    since, last = time.perf_counter(), Outcome(0, 0.0)
    while time.perf_counter() - since < START and made.poll() is None:
        last = await ask(client, 0)
        if last.good and written(last):
            return
        await asyncio.sleep(0.5)
    raise RuntimeError(f"exit code {made.poll()}, the last answer {last.status}: {last.body[:300].decode()}")


async def ask(client: Client, number: int, stream: bool = False) -> Outcome:
    """Ask for a text that begins like few others."""
    body: dict[str, Any] = {"model": client.model, "max_tokens": client.tokens, "temperature": 0, **client.more}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    prompt = "".join(chr(97 + (number // 26**i + 7 * i) % 26) for i in range(3 + number % 5))
    return await client.post(body | {"prompt": prompt}, 120)


def written(found: Outcome) -> int:
    """Return how many tokens a server says that it wrote."""
    told = re.findall(rb'"completion_tokens":\s*(\d+)', found.body)
    return int(told[-1]) if told else 0


def spent(process: int) -> float:
    """Return the CPU seconds of the processes of a server, which are a group of their own."""
    found = 0.0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ProcessLookupError):
            if os.getpgid(int(path.name)) == process:
                found += cpu(int(path.name))
    return found


def measured(process: int, client: Client, clients: int, seconds: float, stream: bool) -> dict[str, float]:
    """Return the rates of a server that some clients ask for some time."""
    before, since = spent(process), time.perf_counter()
    found = asyncio.run(closed_loop(lambda number: ask(client, number, stream), clients, seconds))
    wall, used = time.perf_counter() - since, spent(process) - before
    tokens = sum(written(one) for one in found if one.good)
    failed = sum(not one.good for one in found)
    return {"per_second": tokens / wall, "per_cpu_second": tokens / used, "length": tokens / len(found), "bad": failed}


def main() -> int:
    """Measure all servers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llama-server", type=Path, help="llama.cpp's program of that name")
    parser.add_argument("--vllm", type=Path, help="vLLM's program of that name")
    parser.add_argument("--only", nargs="+", help="names of servers")
    parser.add_argument("--seconds", type=float, default=3, help="of each measurement")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--logs", type=Path, help="folder for what servers print; by default a temporary one")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, set(cores[1:] or cores))
    loads = [(1, False), (16, False), (16, True), (32, False)]
    print(f"load before: {os.getloadavg()[0]:.2f}", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        subprocess.run([sys.executable, "-c", MODEL, folder], env={**os.environ, "PYTHONPATH": str(SOURCE)}, check=True)
        logs = given.logs or folder
        logs.mkdir(exist_ok=True)
        servers, rates = servers_of(given, folder), dict[str, list[list[dict[str, float]]]]()
        for turn in range(given.turns):
            for name, server in servers.items():
                try:
                    with running(server, cores[0], logs / f"{name}-{turn}.log".replace(" ", "-")) as (process, client):
                        measured(process, client, 16, 1, False)  # warm up
                        rates.setdefault(name, []).append(
                            [measured(process, client, clients, given.seconds, stream) for clients, stream in loads]
                        )
                        print(name, json.dumps(rates[name][-1]), file=sys.stderr, flush=True)
                except RuntimeError as error:
                    print(f"{name} can't be measured: {error}", flush=True)
    table(rates, [f"{clients}, streams" if stream else str(clients) for clients, stream in loads])
    return any(one["bad"] for turns in rates.values() for turn in turns for one in turn)


def table(rates: dict[str, list[list[dict[str, float]]]], loads: list[str]) -> None:
    """Print the medians of the turns, and what streams cost in each of them."""
    print(f"\n| tokens per second (per CPU second) | {' | '.join(loads)} |\n|---|{'---|' * len(loads)}")
    for name, turns in rates.items():
        cells = []
        for measures in zip(*turns, strict=True):
            clock, used = (median(one[key] for one in measures) for key in ("per_second", "per_cpu_second"))
            cells.append(f"{clock:,.0f} ({used:,.0f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    for name, turns in rates.items():
        costs = [whole["per_cpu_second"] / stream["per_cpu_second"] - 1 for _, whole, stream, _ in turns]
        print(f"{name}: streams cost {100 * median(costs):.0f} % of CPU time more (a turn each: {told(costs)})")


def told(shares: list[float]) -> str:
    """Return shares in per cent."""
    return ", ".join(f"{100 * share:.0f}" for share in shares)


if __name__ == "__main__":
    sys.exit(main())
