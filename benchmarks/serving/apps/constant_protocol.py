"""A constant answer from a bare protocol class of uvicorn: HTTP is parsed, nothing else is done. This is the limit."""

import os

import uvicorn
from constant_reply import BODY
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

REPLY = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)


class Constant(HttpToolsProtocol):
    """Answers each whole request with the same bytes."""

    def on_message_begin(self):
        pass

    def on_url(self, url):
        pass

    def on_header(self, name, value):
        pass

    def on_headers_complete(self):
        pass

    def on_body(self, body):
        pass

    def on_message_complete(self):
        self.transport.write(REPLY)


async def app(scope, receive, send):
    """Never asked."""


uvicorn.run(
    app, port=int(os.environ["BENCH_PORT"]), loop="uvloop", http=Constant, lifespan="off", access_log=False,
    log_level="warning",
)  # fmt: skip
