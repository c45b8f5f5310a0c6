"""The HTTP server: the dialect of OpenAI's clients, and routes of our own for every kind of data.

Data flows one way: a request passes the limits (`limits`, put together in `gate`), is read (`requests`) by a route
(`dialect`, `native`), becomes work (`work`) for the engine of its model (`engines`), which computes it together with
others, and its result is written as the client expects it.
"""
