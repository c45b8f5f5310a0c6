"""How long a training step of a small network takes while another program keeps one core busy.

    python benchmarks/shared_cores.py --cores 2 --seconds 20

Ways for the threads of a step to wait for each other: torch's default (they spin for a while), passive (they sleep at
once), briefly (a thousand spins, then sleep), all three with every core; and zaohua's own choice, which is brief
waiting, and one thread for steps of small products (`hardware.ProductCounter`), as this one is. Each is measured quiet
and with a busy neighbour, in turns, so that all share the machine's ups and downs. Everything runs on the first N
cores. The machine should have nothing else to do: the load before is printed, and above half a core refused unless
--anyway. Exit code 1: with the neighbour zaohua's step takes more than 2.5 times its quiet time, or a quiet one more
than 1.1 times the default's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).resolve().parent.parent / "src"
WAYS: dict[str, dict[str, str]] = {
    "torch's default": {"OMP_WAIT_POLICY": "", "OMP_NUM_THREADS": ""},
    "passive": {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": ""},
    "briefly": {"OMP_NUM_THREADS": ""},
    "zaohua": {"OMP_NUM_THREADS": ""},
}
BUSY = "while True: pass"


def measure(channels: int, seconds: float, share: bool) -> list[float]:
    """Milliseconds of each step; what the child process does."""
    if os.environ.get("OMP_WAIT_POLICY") == "":  # unset, but nor may importing zaohua set it
        del os.environ["OMP_WAIT_POLICY"]
        import torch  # noqa: F401 (it reads the environment now, before zaohua changes it)
    import zaohua
    from zaohua.core import hardware

    if share:
        hardware.SHARED_WORK = 0
    moments = list[float]()
    model = zaohua.Flow(channels=channels, max_minutes=seconds / 60, device="cpu", precision="float32", random_state=0)
    model.fit("digits", callbacks=[lambda event: moments.append(time.perf_counter()) if event.kind == "step" else None])
    steps = [1000 * (b - a) for a, b in zip(moments, moments[1:], strict=False)]
    return steps[len(steps) // 5 :]  # without warming up


@contextlib.contextmanager
def neighbour(cores: set[int]) -> Iterator[None]:
    """Another program that never rests."""
    busy = subprocess.Popen([sys.executable, "-c", BUSY], preexec_fn=lambda: os.sched_setaffinity(0, cores))
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def child(way: str, channels: int, seconds: float, cores: set[int]) -> list[float]:
    """The steps of one way, in a process of its own, since threads are set up once."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), **WAYS[way]}
    for name in ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "GOMP_SPINCOUNT"):
        if name not in WAYS[way] or (name == "OMP_NUM_THREADS" and not WAYS[way][name]):
            environment.pop(name, None)
    command = [sys.executable, __file__, "--child", "--seconds", str(seconds), "--channels", str(channels)]
    command += [] if way == "zaohua" else ["--share"]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60 + 10 * seconds,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return list(json.loads(done.stdout.splitlines()[-1]))


def figures(steps: list[float]) -> dict[str, float]:
    ordered = sorted(steps)
    return {"median": statistics.median(ordered), "p95": ordered[int(0.95 * (len(ordered) - 1))], "max": ordered[-1]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--channels", type=int, default=24, help="width of the network, a flow's on 8 x 8 pixels")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=15, help="of training, for each of the six cases and turns")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--anyway", action="store_true", help="even if the machine is busy")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--share", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.channels, options.seconds, options.share)))
        return 0
    load = os.getloadavg()[0]
    if load > 0.5 and not options.anyway:
        print(f"the machine is busy (load {load:.1f}): figures would say nothing; --anyway measures all the same")
        return 2
    cores = set(sorted(os.sched_getaffinity(0))[: options.cores])
    cases: dict[tuple[str, str], list[float]] = {(way, when): [] for way in WAYS for when in ("quiet", "busy")}
    for _ in range(options.turns):
        for (way, when), steps in cases.items():
            with neighbour(cores) if when == "busy" else contextlib.nullcontext():
                steps += child(way, options.channels, options.seconds, cores)
    return table(options, load, {case: figures(steps) for case, steps in cases.items()})


def table(options: Any, load: float, measured: dict[tuple[str, str], dict[str, float]]) -> int:
    print(
        f"flow of {options.channels} channels on digits, batch 64, {options.cores} cores, load before {load:.1f}; "
        "milliseconds per step"
    )
    print(f"{'waiting':<20}{'quiet: median':>14}{'p95':>8}{'busy: median':>14}{'p95':>8}{'max':>9}{'busy / quiet':>14}")
    for way in WAYS:
        quiet, busy = measured[way, "quiet"], measured[way, "busy"]
        print(
            f"{way:<20}{quiet['median']:>14.1f}{quiet['p95']:>8.1f}{busy['median']:>14.1f}{busy['p95']:>8.1f}"
            f"{busy['max']:>9.1f}{busy['median'] / quiet['median']:>14.2f}"
        )
    brief, default = (measured[way, "quiet"]["median"] for way in ("zaohua", "torch's default"))
    slower = measured["zaohua", "busy"]["median"] / brief
    good = slower <= 2.5 and brief <= 1.1 * default
    print(
        f"zaohua: {slower:.2f} times its quiet time with a neighbour (at most 2.5), "
        f"{brief / default:.2f} times the default's quiet time (at most 1.1): {'good' if good else 'FAILED'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
