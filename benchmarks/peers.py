"""Set up and run the side-by-side benchmarks, each peer in a virtual environment of its own.

    python benchmarks/peers.py setup keras            # or diffusers, pythae, ctgan
    python benchmarks/peers.py run keras --seconds 60 --threads 2 --json

`setup` makes benchmarks/.venvs/NAME and installs benchmarks/requirements-NAME.txt into it, PyTorch
first and by itself, so that nothing that depends on it can choose another build.  `run` passes the
rest of the line to the peer's script.  Data are read from the folder named by ZAOHUA_DATA.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = {
    "keras": "peer_keras_dcgan.py",
    "diffusers": "peer_diffusers_ddpm.py",
    "pythae": "peer_pythae_vae.py",
    "transformers": "peer_transformers_gpt.py",
    "ctgan": "peer_ctgan.py",
    "dpmm": "privacy/peer_dpmm.py",
}


def python_of(name: str) -> Path:
    """The interpreter of a peer's virtual environment."""
    folder = HERE / ".venvs" / name
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def setup(name: str) -> None:
    """Make the environment of one peer and install its pinned packages."""
    python = python_of(name)
    if not python.exists():
        venv.create(HERE / ".venvs" / name, with_pip=True)
    requirements = HERE / f"requirements-{name}.txt"
    lines = requirements.read_text(encoding="utf-8").splitlines()
    pip = [str(python), "-m", "pip", "install", "--quiet"]
    for torch in (line for line in lines if line.startswith("torch==")):
        subprocess.run([*pip, torch], check=True)
    subprocess.run([*pip, "-r", str(requirements)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", choices=("setup", "run"))
    parser.add_argument("name", choices=sorted(SCRIPTS))
    args, rest = parser.parse_known_args()
    if args.command == "setup":
        setup(args.name)
        return 0
    if not python_of(args.name).exists():
        parser.error(f"no environment yet: python benchmarks/peers.py setup {args.name}")
    return subprocess.call([str(python_of(args.name)), str(HERE / SCRIPTS[args.name]), *rest])


if __name__ == "__main__":
    sys.exit(main())
