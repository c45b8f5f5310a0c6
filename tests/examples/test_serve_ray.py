"""The server as a deployment of Ray Serve, in an environment of its own, as Ray asks for other versions than we do."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "serve_ray.py"
CODE = """
import json, urllib.request
from concurrent.futures import ThreadPoolExecutor
import ray
from ray import serve
from examples import serve_ray

def get(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request("http://127.0.0.1:8000" + path, data, {"Content-Type": "application/json"})
    return urllib.request.urlopen(asked, timeout=120).read().decode()

def text(seed):
    body = {"model": "gpt", "prompt": "", "max_tokens": 6, "seed": seed}
    return json.loads(get("/v1/completions", body))["choices"][0]["text"]

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
serve.run(serve_ray.app)
with ThreadPoolExecutor(8) as pool:
    texts = list(pool.map(text, [i % 4 for i in range(32)]))
(there,) = serve.status().applications["default"].deployments["Models"].replica_states.items()
assert json.loads(get("/health")) == {"status": "ok"}
print(len(set(texts)), *there, texts[:4] == texts[4:8] == texts[28:])
serve.shutdown()
"""


def test_the_example_is_short() -> None:
    assert len(EXAMPLE.read_text().splitlines()) < 40


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ray's Windows build is a trial")
def test_two_replicas_give_the_same_texts(tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "ray[serve]"], check=True)
    own = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True,
        text=True,
        check=True,
    )
    (Path(own.stdout.strip()) / "ours.pth").write_text(sysconfig.get_path("purelib"))  # torch and all else
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "ZAOHUA_RUNS": str(ROOT / "tests" / "golden" / "runs" / "gpt"),
        "RAY_USAGE_STATS_ENABLED": "0",
        "HOME": str(tmp_path),
    }
    said = subprocess.run([python, "-c", CODE], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=600)
    assert said.returncode == 0, said.stderr[-3000:]
    assert "4 RUNNING 2 True" in said.stdout.splitlines(), said.stdout
