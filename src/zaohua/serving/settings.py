"""The server's settings: where it listens, who may use it, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Settings:
    """Settings of a server; see the options of `zaohua serve`, which are the same.

    Attributes:
        host: address to listen at; any other than a loopback address needs keys.
        port: port to listen at; 0 for any that is free.
        keys: API keys, any of which a request must show; empty for none.
        hosts: names by which the server may be called (`Host`), besides the address that it listens at.
        origins: web pages (`https://example.org`) whose scripts may call it; empty for none.
        root_path: path under which a proxy shows the server.
        forwarded_allow_ips: addresses of proxies whose `X-Forwarded-*` are believed.
        memory: bytes that loaded models may take; None for half of the machine's memory.
        slots: texts that a model writes at the same time.
        queue: rows and items, running and waiting, of a model, above which requests are refused.
        batch: items that are made at the same time.
        max_body: bytes of a request.
        max_pixels: pixels of a picture that is sent or asked for.
        max_seconds: seconds of sound that are sent or asked for.
        max_tokens: tokens of a text.
        max_steps: steps from noise to an item.
        max_n: texts or items of one request.
        head_seconds: time within which a request's head must be there.
        body_seconds: time within which its body must be there.
        request_seconds: time that a request may take altogether.
        drain_seconds: time for which the server says that it isn't ready, before it stops to listen.
        stop_seconds: time after that within which accepted requests are finished.
        metrics: whether `/metrics` is there.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    keys: tuple[str, ...] = field(default=(), repr=False)
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    root_path: str = ""
    forwarded_allow_ips: str = "127.0.0.1"
    memory: int | None = None
    slots: int = 32
    queue: int = 256
    batch: int = 64
    max_body: int = 32 << 20
    max_pixels: int = 4_194_304
    max_seconds: float = 600.0
    max_tokens: int = 4096
    max_steps: int = 1000
    max_n: int = 64
    head_seconds: float = 5.0
    body_seconds: float = 30.0
    request_seconds: float = 300.0
    drain_seconds: float = 0.0
    stop_seconds: float = 30.0
    metrics: bool = True
