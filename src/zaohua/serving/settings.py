"""The server's settings: where it listens, who may use it, and how much of it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Annotated

from zaohua.core.params import Between

Count = Annotated[int, Between(1)]
"""Type of a number of things."""
Seconds = Annotated[float, Between(above=0)]
"""Type of a time limit."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of a server. `zaohua serve` has an option for each, but for the keys, which it reads from elsewhere."""

    host: str = "127.0.0.1"
    """Address to listen at; any other than a loopback address, such as 0.0.0.0 for all, needs keys."""
    port: Annotated[int, Between(0, 65535)] = 8000
    """Port to listen at; 0 for any that is free."""
    keys: tuple[str, ...] = field(default=(), repr=False)
    """API keys, one of which a request must show; empty for none."""
    hosts: tuple[str, ...] = ()
    """Names by which clients call the server, such as models.example.org, besides its address (by default none); * for
    any."""
    origins: tuple[str, ...] = ()
    """Web sites, such as https://example.org, whose scripts may call the server (by default none); * for any."""
    root_path: str = ""
    """Path under which a proxy shows the server, such as /zaohua (by default none)."""
    forwarded_allow_ips: tuple[str, ...] = ("127.0.0.1",)
    """Addresses of proxies whose X-Forwarded headers are believed."""
    memory: Annotated[int, Between(1)] | None = None
    """Bytes that loaded models may take; by default half of the machine's memory."""
    slots: Count = 32
    """Texts that a model writes at the same time."""
    queue: Count = 256
    """Texts and items, in work and waiting, of a model, above which requests are refused."""
    batch: Count = 64
    """Items that are made at the same time."""
    max_body: Count = 32 << 20
    """Bytes of a request at most."""
    max_held: Count = 256 << 20
    """Bytes of all requests in work together, above which further ones are refused."""
    max_connections: Count = 1000
    """Connections that are open at the same time at most."""
    max_pixels: Count = 4_194_304
    """Pixels of a picture that is sent or asked for at most."""
    max_seconds: Seconds = 600.0
    """Seconds of sound that are sent or asked for at most."""
    max_tokens: Count = 4096
    """Tokens of a text at most."""
    max_steps: Count = 1000
    """Steps from noise to an item at most, and particles, candidates and tries."""
    max_n: Count = 64
    """Texts or items of one request at most."""
    head_seconds: Seconds = 5.0
    """Time within which the head of a request must be there."""
    body_seconds: Seconds = 30.0
    """Time within which the body of a request must be there, and within which a client must go on reading an answer."""
    request_seconds: Seconds = 300.0
    """Time that a request may take altogether."""
    drain_seconds: Annotated[float, Between(0)] = 0.0
    """Time for which the server still takes requests after it was told to stop, while /health/ready says that it isn't
    ready, so that a load balancer can turn to others."""
    stop_seconds: Seconds = 30.0
    """Time after that within which accepted requests are finished."""
    metrics: bool = True
    """Measures for Prometheus at /metrics."""

    @property
    def is_local(self) -> bool:
        """Return whether only programs of this machine can reach the server."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
