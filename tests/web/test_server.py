import httpx
import pytest

from holdtrue.errors import PortTaken
from holdtrue.web import start_page

from .fake_view import make_view


def test_the_page_is_shown_while_the_block_runs() -> None:
    with start_page(make_view(), port=0) as page:
        assert page.url.startswith("http://127.0.0.1:")
        assert "late-flights" in httpx.get(page.url).text
        assert httpx.get(page.url, headers={"host": "evil.example"}).status_code == 403
    with pytest.raises(httpx.ConnectError):
        httpx.get(page.url)


def test_a_port_in_use_is_named() -> None:
    with start_page(make_view(), port=0) as page:
        port = int(page.url.rsplit(":", 1)[1])
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port}"), start_page(make_view(), port=port):
            pass
