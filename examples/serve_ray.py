"""Serve runs from many machines: the same server as `zaohua serve`, as a deployment of Ray Serve.

Install Ray (pip install 'ray[serve]'), then run, from a folder that all machines see:

    ZAOHUA_RUNS=runs/poems:runs/cats serve run examples.serve_ray:app

Each replica loads the runs and batches its own requests. Requests beyond `max_queued_requests` are refused with 503.
"""

from __future__ import annotations

import os

from ray import serve

from zaohua.serving.engines.shelf import Runs
from zaohua.serving.gate import Gate
from zaohua.serving.settings import Settings


def build() -> Gate:
    """Make the server in a replica, where its models stay."""
    keys = tuple(filter(None, os.environ.get("ZAOHUA_API_KEY", "").split(",")))
    settings = Settings(keys=keys, hosts=("*",))
    return Gate(Runs(os.environ["ZAOHUA_RUNS"].split(os.pathsep), settings), settings)


@serve.deployment(num_replicas=2, max_ongoing_requests=256, max_queued_requests=64)
@serve.ingress(build)
class Models:
    """Replicas of the server."""


app = Models.bind()
