"""The compiled part of decoding: built once for each machine by its C++ compiler, kept in the cache folder.

A processor compiles for itself (`-march=native`), so the library's name tells the processor, the compiler and the
sources; a home folder that several machines share holds one library for each.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from pathlib import Path

from zaohua.storage.layout import cache_folder

SOURCES = tuple(Path(__file__).with_name(name) for name in ("vectors.h", "matrices.h", "layers.h", "step.cpp"))
FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC")
SECONDS = 120
"""Time after which a compiler is given up."""


class _Unavailable(Exception):
    """Why there is no compiled decoding here."""


@functools.cache
def available() -> ctypes.CDLL | str:
    """Return the compiled library, built if it isn't there; or why there is none."""
    try:
        compiler = _compiler()
        own = "-march=native" if platform.machine().lower() in ("x86_64", "amd64") else "-mcpu=native"
        command = [compiler, *FLAGS, own]
        told = [*command, _version(compiler), platform.platform(), _processor()]
        key = hashlib.sha256("\n".join([*told, *(path.read_text("utf-8") for path in SOURCES)]).encode())
        path = cache_folder() / "native" / f"decoding-{key.hexdigest()[:20]}.so"
        if not path.is_file():
            _build(command, path)
        return loaded(path)
    except (_Unavailable, OSError, subprocess.SubprocessError) as error:
        return str(error)


def functions() -> ctypes.CDLL:
    """Return the compiled functions, which must be available."""
    found = available()
    assert isinstance(found, ctypes.CDLL), found
    return found


def _compiler() -> str:
    """Return the path of a C++ compiler."""
    names = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    found = next(filter(None, (shutil.which(name) for name in names if name)), None)
    if found is None:
        raise _Unavailable("there is no C++ compiler (g++ or clang++)")
    return found


def _version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, timeout=SECONDS, check=True).stdout


def _processor() -> str:
    """Return what this processor is and can."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(line for line in lines if line.startswith(("model", "flags", "Features", "CPU", "cpu family")))


def _build(command: list[str], path: Path) -> None:
    """Compile the sources to a file, which appears at once and whole."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, path.name)
        done = subprocess.run(
            [*command, str(SOURCES[-1]), "-o", str(made)], capture_output=True, text=True, timeout=SECONDS
        )
        if done.returncode:
            raise _Unavailable(f"{command[0]} failed: {''.join(done.stderr.splitlines()[:1])}")
        made.replace(path)


def loaded(path: Path) -> ctypes.CDLL:
    """Load a library, and declare the types of its functions."""
    found = ctypes.CDLL(str(path))
    size, pointer, numbers = ctypes.c_int64, ctypes.c_void_p, ctypes.c_int32
    for name, result, arguments in (
        ("struct_size", size, [size]),
        ("work_size", size, [pointer, size]),
        ("packed_size", size, [size, size, numbers]),
        ("scales_size", size, [size]),
        ("pack", None, [pointer, size, size, pointer]),
        ("pack_integers", None, [pointer, size, size, pointer, pointer]),
        ("use_large_pages", None, [pointer, size]),
        ("fingerprint", ctypes.c_uint64, [pointer, size]),
        ("read_tokens", ctypes.c_bool, [pointer, pointer]),
    ):
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found
