"""Routes by which others watch the server: whether it is alive and ready, which version it is, and its measures."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from zaohua import __version__
from zaohua.core.json import Json

Route = Callable[[], Response]
"""Makes the answer of a route, at once."""
LOADING: Json = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
"""Answer of a server that isn't ready, as llama.cpp's server gives it."""


class Answering:
    """Answer some paths at once, and leave all others to the application."""

    def __init__(self, app: ASGIApp, routes: dict[str, Route]) -> None:
        self.app, self.routes = app, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        route = self.routes.get(path) if scope["method"] in ("GET", "HEAD") else None
        await (self.app if route is None else route())(scope, receive, send)


def health(ready: Callable[[], bool]) -> dict[str, Route]:
    """Return the routes that anybody may ask, whether the server is alive and whether it is ready."""

    def alive() -> Response:
        return JSONResponse({"status": "ok"})

    def prepared() -> Response:
        return alive() if ready() else JSONResponse(LOADING, 503, headers={"Retry-After": "5"})

    return {"/health": alive, "/v1/health": alive, "/health/ready": prepared}


def facts(metrics: Callable[[], bytes] | None) -> dict[str, Route]:
    """Return the routes for those who have a key: the version, and the measures if there are any."""
    routes: dict[str, Route] = {"/version": lambda: JSONResponse({"version": __version__})}
    if metrics is not None:
        told = metrics
        routes["/metrics"] = lambda: Response(told(), media_type=CONTENT_TYPE_LATEST)
    return routes
