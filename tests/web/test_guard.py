import pytest

from holdtrue.web import make_app

from .client import Client
from .fake_view import make_view

ORDER = '{"loop": "late-flights"}'


@pytest.mark.parametrize("path", ["/", "/live", "/why/p-0001", "/api/status", "/static/page.js", "/nowhere", "/why/no"])
def test_every_answer_forbids_foreign_and_inline_scripts(path: str) -> None:
    headers = Client(make_app(make_view())).get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_chart_can_run_nothing_even_when_it_is_opened_by_itself() -> None:
    client = Client(make_app(make_view()))
    path = client.get("/").text.split('src="/chart/')[1].split('"')[0]
    policy = client.get(f"/chart/{path}").headers["content-security-policy"]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def test_the_page_has_no_inline_script_style_or_handler() -> None:
    html = Client(make_app(make_view())).get("/").text
    assert "<style" not in html
    assert " style=" not in html
    assert " onclick=" not in html
    assert html.count("<script") == html.count('<script src="/static/') == 2


@pytest.mark.parametrize("host", ["localhost:8787", "127.0.0.1", "[::1]:8787", "LOCALHOST"])
def test_names_of_the_loopback_are_answered(host: str) -> None:
    assert Client(make_app(make_view())).get("/", host=host).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8787", "127.0.0.1.nip.io", "", "[::1"])
def test_foreign_names_are_refused(host: str) -> None:
    view = make_view()
    assert Client(make_app(view)).get("/", host=host).status_code == 403
    assert view.n_asked == 0


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "http://localhost:8787"])
def test_orders_of_foreign_pages_are_refused(origin: str) -> None:
    view = make_view()
    response = Client(make_app(view)).post("/api/promote", ORDER, origin=origin, content_type="application/json")
    assert response.status_code == 403
    assert view.orders == []


def test_an_order_without_origin_must_be_json() -> None:
    view = make_view()
    client = Client(make_app(view))
    assert client.post("/api/promote", "loop=late-flights", content_type="text/plain").status_code == 403
    assert client.post("/api/promote", ORDER, content_type="application/json; charset=utf-8").status_code == 200
    assert len(view.orders) == 1


def test_further_names_can_be_allowed() -> None:
    app = make_app(make_view(), hosts={"loops.example"})
    assert Client(app).get("/", host="loops.example").status_code == 200
    assert Client(app).get("/", host="localhost").status_code == 403
