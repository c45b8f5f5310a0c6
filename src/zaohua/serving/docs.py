"""`/docs`: the routes on a page that needs no other host, and `/openapi.json` for programs."""

from __future__ import annotations

import html
import json
import secrets
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

PAGE = Path(__file__).with_name("page.html")


def install(app: FastAPI) -> None:
    """Add the page to an application."""

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        schema = json.dumps(app.openapi()).replace("<", "\\u003c")
        nonce = secrets.token_urlsafe(16)
        page = PAGE.read_text("utf-8").replace("NONCE", html.escape(nonce)).replace("SCHEMA", schema)
        allowed = f"script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'"
        policy = f"default-src 'none'; {allowed}; form-action 'none'; frame-ancestors 'none'"
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})
