"""What stands between the network and the routes, as plain ASGI, from the outside in.

`answers` gives each answer its id and its form when all else fails; `access` lets in those who may come; `body` reads
no more than may be sent; `race` ends work that nobody waits for. Each refuses before the next one costs anything.
(Middleware of Starlette's `BaseHTTPMiddleware` is of no use here: it hides from routes that the client has left.)
"""
