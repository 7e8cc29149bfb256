"""A constant answer as an ASGI app under uvicorn: what a server in Python could do at best that way."""

import os

import uvicorn
from constant_reply import BODY

HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
START = {"type": "http.response.start", "status": 200, "headers": HEADERS}
REPLY = {"type": "http.response.body", "body": BODY}


async def app(scope, receive, send):
    """Read the body, and answer the same each time."""
    while (await receive()).get("more_body"):
        pass
    await send(START)
    await send(REPLY)


uvicorn.run(
    app, port=int(os.environ["BENCH_PORT"]), loop="uvloop", http="httptools", lifespan="off", access_log=False,
    log_level="warning",
)  # fmt: skip
