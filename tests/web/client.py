"""A client that asks the app within this process."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx
from starlette.applications import Starlette

HOST = "127.0.0.1:8787"


@dataclass(frozen=True)
class Client:
    """Asks as a browser that shows the page would, unless other headers are given."""

    app: Starlette
    headers: Mapping[str, str] = field(default_factory=lambda: {"accept": "text/html"})

    def get(self, path: str, **headers: str) -> httpx.Response:
        return asyncio.run(self._ask("GET", path, b"", headers))

    def post(self, path: str, body: str, **headers: str) -> httpx.Response:
        return asyncio.run(self._ask("POST", path, body.encode(), headers))

    async def _ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            return await client.request(method, path, content=body, headers={**self.headers, **named})
