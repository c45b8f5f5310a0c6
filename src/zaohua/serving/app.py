"""The application: the routes, their description, and errors in one form. It limits nothing by itself."""

from __future__ import annotations

from fastapi import FastAPI

from zaohua import __version__
from zaohua.serving import docs
from zaohua.serving.dialect import absent, chat, completions, images, models, responses, speech
from zaohua.serving.native import items, restoring
from zaohua.serving.requests import errors
from zaohua.serving.requests.served import Served
from zaohua.serving.settings import Settings
from zaohua.serving.work import Shelf

ROUTES = (
    models.routes,
    chat.routes,
    completions.routes,
    responses.routes,
    images.routes,
    speech.routes,
    items.routes,
    restoring.routes,
    absent.routes,
)


def create_app(shelf: Shelf, settings: Settings) -> FastAPI:
    """Return the application.

    Args:
        shelf: the served models.
        settings: the server's settings, of which the application uses the limits of what a request may ask for.
    """
    app = FastAPI(title="zaohua", version=__version__, docs_url=None, redoc_url=None, responses=errors.ANSWERS)
    errors.install(app)
    served = Served(shelf, settings)
    for routes in ROUTES:
        app.include_router(routes(served))
    docs.install(app)
    return app
