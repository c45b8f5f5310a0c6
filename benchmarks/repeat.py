"""Run the README's examples and the notebooks several times, and compare everything that they compute.

Each run is a process of its own. Afterwards every variable is hashed: arrays, sounds, texts, tables and the weights of
models. The same seed must give the same numbers each time, and no number may be NaN or infinite. Examples whose
training is limited by time are only checked for NaN.

    python benchmarks/repeat.py --times 10
    ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16 python benchmarks/repeat.py --times 10     (with AMX switched off)
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def examples() -> dict[str, str]:
    """Return the code of each README block, and of each notebook, by name."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    found = {f"README {i}": block for i, block in enumerate(blocks)}
    for path in sorted((ROOT / "examples").glob("*.ipynb")):
        cells = [c["source"] for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
        found[path.name] = "\n".join("".join(source) for source in cells)
    return found


def run(code: str) -> None:
    """Run code in this process, and print a hash of each variable as JSON; fail on numbers that aren't finite."""
    space: dict[str, object] = {"__name__": "__main__"}
    exec(compile(code, "example", "exec"), space)
    hashes = {name: digest(value) for name, value in space.items() if not name.startswith("_")}
    print("\nHASHES " + json.dumps({name: value for name, value in hashes.items() if value}))


def digest(value: object) -> str | None:
    """Return a hash of data or of a model's weights; None for other objects.

    Raises:
        ValueError: a number of a model or of an array of floats isn't finite.
    """
    import numpy as np

    if isinstance(value, str):
        return hashlib.sha256(value.encode()).hexdigest()[:12]
    if hasattr(value, "samples"):
        return digest(value.samples)
    if hasattr(value, "tensors") and hasattr(value, "seed_"):
        tensors = {key: tensor.detach().cpu().numpy() for key, tensor in value.tensors().items()}
        return digest([name + str(digest(tensor)) for name, tensor in sorted(tensors.items())])
    if hasattr(value, "to_csv"):
        return digest(value.to_csv())
    if isinstance(value, np.ndarray) and value.dtype != object:
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise ValueError(f"{int((~np.isfinite(value)).sum())} numbers of {value.size} aren't finite")
        return hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:12]
    if isinstance(value, list):
        parts = [digest(item) for item in value]
        return digest(" ".join(map(str, parts))) if any(parts) else None
    return None


def repeated(name: str, code: str, times: int) -> str:
    """Run an example several times in processes of its own, and describe the outcome in a line."""
    results = []
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}", "MPLBACKEND": "agg"}
            script = (
                f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r}); import repeat; repeat.run({code!r})"
            )
            done = subprocess.run(
                [sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True
            )
        if done.returncode:
            return f"FAILED: {done.stderr.strip().splitlines()[-1]}"
        results.append(json.loads(done.stdout.rsplit("HASHES ", 1)[1]))
    names = sorted(results[0])
    differ = [key for key in names if len({result.get(key) for result in results}) > 1]
    timed = " (limited by time)" if "max_minutes" in code else "" if "random_state" in code else " (without a seed)"
    return f"{times} runs, {len(names)} variables, {f'DIFFER: {differ}' if differ else 'all the same'}{timed}"


def main() -> None:
    """Print a line for each example."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--only", default="", help="part of the names of the examples")
    options = parser.parse_args()
    for name, code in examples().items():
        if options.only in name:
            print(f"{name:<24} {repeated(name, code, options.times)}", flush=True)


if __name__ == "__main__":
    main()
