"""Who may ask: the server's names, the sites whose scripts may call it, and the keys."""

from __future__ import annotations

import hmac
import ipaddress
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from zaohua.core.advice import option
from zaohua.serving.limits.answers import refuse
from zaohua.serving.requests.errors import ApiError
from zaohua.serving.settings import Settings

SECRETS = frozenset({"api_key", "api-key", "apikey", "key", "token", "access_token"})
"""Parameters of an address that would carry a key, if we took it there."""

OPEN = frozenset({"/docs", "/openapi.json"})
"""Pages that tell of no model, which a browser has to get before it can send a key."""


def guarded(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Put the checks of access before an application: host and origin, then what browsers ask first, then the key."""
    inner: ASGIApp = Keys(app, settings.keys) if settings.keys else app
    if settings.origins:
        inner = CORSMiddleware(
            inner,
            allow_origins=list(settings.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["*"],
            expose_headers=["x-request-id", "retry-after"],
        )
    return Names(inner, settings)


class Names:
    """Refuse requests under names that the server doesn't have, and those of other sites' scripts.

    A page of another site could otherwise use a server on its reader's own machine: by a name that it lets stand for
    this machine (DNS rebinding), or by a simple POST, which browsers send without asking first.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.origins = app, {origin.casefold() for origin in settings.origins}
        self.hosts = {"localhost", _bare(settings.host), *map(_bare, settings.hosts)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_ours(host):
            message = f"this server isn't known by that name: it has to be started with {option('hosts', ('NAME',))}"
            await refuse("host", ApiError(403, message, code="host_not_allowed"), scope, receive, send)
        elif origin is not None and not self._may_call(origin, host):
            started = f"it has to be started with {option('origins', ('SITE',))}"
            message = f"scripts of this site may not call the server: {started}"
            await refuse("origin", ApiError(403, message, code="origin_not_allowed"), scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _may_call(self, origin: str, host: str) -> bool:
        return _same(origin, host) or "*" in self.origins or origin.casefold() in self.origins

    def _is_ours(self, host: str) -> bool:
        """Return True for a name of the server, and for any address: no other site can take one of these."""
        name = _bare(host)
        return name in self.hosts or "*" in self.hosts or _is_address(name)


class Keys:
    """Ask for one of the keys, as `Authorization: Bearer KEY`, except for the pages of `OPEN`."""

    def __init__(self, app: ASGIApp, keys: tuple[str, ...]) -> None:
        self.app, self.keys = app, [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["path"].removeprefix(scope.get("root_path", "")) in OPEN:
            await self.app(scope, receive, send)
            return
        query = scope["query_string"].decode("latin-1")
        if any(name.casefold() in SECRETS for name, _ in parse_qsl(query[:10_000], keep_blank_values=True)):
            message = "a key in the address would be written into logs: send the header Authorization: Bearer KEY"
            await refuse("key", ApiError(400, message, code="key_in_address"), scope, receive, send)
            return
        kind, _, shown = Headers(scope=scope).get("authorization", "").partition(" ")
        given = shown.strip().encode("latin-1")
        known = [hmac.compare_digest(given, key) for key in self.keys]  # all of them: time tells nothing
        if kind.casefold() == "bearer" and any(known):
            await self.app(scope, receive, send)
            return
        message = "the key is wrong" if given else "a key is needed: send the header Authorization: Bearer KEY"
        error = ApiError(401, message, code="invalid_api_key", headers={"WWW-Authenticate": "Bearer"})
        await refuse("key", error, scope, receive, send)


def _bare(host: str) -> str:
    """Return a host without its port, in small letters and without a dot at its end."""
    if host.startswith("["):
        return host.partition("]")[0][1:].casefold()
    return (host if host.count(":") > 1 else host.partition(":")[0]).casefold().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _same(origin: str, host: str) -> bool:
    """Return True if a script comes from the server's own pages."""
    try:
        return urlsplit(origin).netloc.casefold() == host.casefold()
    except ValueError:
        return False
