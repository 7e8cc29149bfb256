import json
import re
from dataclasses import replace

import pytest

from holdtrue.domain import LoopView, LossKind, RolloutStatus
from holdtrue.domain.run import MOST_SHOWN_BYTES
from holdtrue.errors import NotFound, PromotionRefused, StateConflict, StoreFailed
from holdtrue.web import make_app

from .client import Client
from .fake_view import FakeView, make_drawing_run, make_entry, make_explanation, make_loop, make_view

FORM = "application/x-www-form-urlencoded"
ORIGIN = "http://127.0.0.1:8787"
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def ask(view: FakeView, path: str, **headers: str) -> str:
    response = Client(make_app(view)).get(path, **headers)
    assert response.status_code == 200, response.text
    return response.text


def test_the_page_shows_who_answers_and_who_is_on_trial() -> None:
    html = ask(make_view(), "/")
    for text in (
        "v4 is in charge since 22 Sep 2013, 00:00; v5 is on trial.",
        "95\u00a0%",
        'aria-label="v4 answers 95 %, v5 answers 5 %"',
        "v5 answers 5\u00a0% of the units (stage 2 of 3).",
        "At this traffic about 2.6 days more",
        "28 Sep 2013, 18:05 UTC, in a replay: a second is 1 day",
        "answering on",
        "Rests most on distance (0.034) and carrier (0.012)",
    ):
        assert text.replace("\u00a0", " ") in html.replace("\u00a0", " ")


def test_the_page_shows_quality_labels_alerts_and_runs() -> None:
    html = ask(make_view(), "/")
    for text in (
        "Last measured: 0.458 for v4",
        "24,151 of 24,800 due labels have come",
        "Alert since 27 Sep 2013, 00:00.",
        "The risk of v4 has risen",
        "ValueError: Input X contains NaN.",
        "439 MB",
        "the model believes 80.7\u00a0%: it is over-confident.",
        "That is its own belief, not measured",
        "1,353 values had not been seen",
    ):
        assert text in html


def test_decisions_stand_newest_first_with_the_older_ones_folded() -> None:
    html = ask(make_view(), "/")
    newest, oldest = html.index("v5 answers 5\u00a0% from now on"), html.index("v1 was promoted")
    assert newest < html.index("v2 was promoted") < html.index("2 earlier decisions") < oldest
    assert '<li class="bad"><time datetime="2013-09-13T00:00:00+00:00">' in html


def test_a_loop_without_any_version_says_what_to_do() -> None:
    html = ask(make_view(LoopView(name="flu-beds", loss=LossKind.LOG_LOSS)), "/")
    for text in (
        "No version has passed its checks yet",
        "holdtrue train loop.py",
        "Not measured yet",
        "Nothing has been decided yet.",
        "Nothing has been trained yet.",
    ):
        assert text in html
    assert "<form method" not in html


def test_a_project_without_loops_says_what_to_do() -> None:
    view = make_view()
    view.shown = replace(view.shown, loops=())
    assert "holdtrue init NAME" in ask(view, "/")


def test_an_ended_rollout_can_not_be_promoted() -> None:
    loop = make_loop()
    assert loop.rollout is not None
    ended = replace(loop.rollout.rollout, status=RolloutStatus.ABORTED, sentence="It did harm.")
    html = ask(make_view(replace(loop, challenger=None, rollout=replace(loop.rollout, rollout=ended))), "/")
    assert "Last rollout" in html
    assert "It did harm." in html
    assert "/api/promote" not in html
    assert "Go back to the champion before" in html


def test_the_live_part_is_the_page_without_its_frame() -> None:
    view = make_view()
    live = ask(view, "/live")
    assert "<html" not in live
    assert live.strip() in ask(view, "/")


def test_words_of_others_are_escaped_everywhere() -> None:
    loop = make_loop()
    alert = replace(loop.alerts[0], sentence=ATTACK)
    run = replace(loop.runs[2], reason=ATTACK, error=ATTACK)
    entry = make_entry(1, ATTACK, ATTACK, actor=ATTACK)
    hostile = replace(loop, name=ATTACK, alerts=(alert,), runs=(run,), decisions=(entry,), notes=(ATTACK,))
    view = make_view(hostile)
    view.shown = replace(view.shown, project=ATTACK, notes=(ATTACK,), predict_url=ATTACK)
    html = ask(view, "/")
    assert "<script>" not in html
    assert "<img src=x" not in html
    assert html.count("&lt;script&gt;") >= 10


def test_words_in_an_explanation_are_escaped() -> None:
    view = make_view()
    explanation = make_explanation()
    features = {ATTACK: ATTACK}
    hostile = type(explanation.prediction)(
        **{
            **{name: getattr(explanation.prediction, name) for name in explanation.prediction.__struct_fields__},
            "key": ATTACK,
            "features": features,
            "decision": ATTACK,
            "fallback": ATTACK,
        }
    )
    view.explanations["p"] = replace(explanation, prediction=hostile)
    html = ask(view, "/why/p")
    assert "<script>" not in html
    assert "<img src=x" not in html


def test_why_leads_from_the_answer_back_to_the_data() -> None:
    html = ask(make_view(), "/why/p-0001")
    for text in (
        "Why v5 answered True: 31\u00a0%",
        "UA-1545-2013-09-27",
        "Its label is False",
        "It loses 0.07 less than the simple baseline.",
        "v5 answers 5\u00a0% from now on",
        "d" * 64,
        "missing",
    ):
        assert text in html


def test_the_search_field_leads_to_the_answer() -> None:
    client = Client(make_app(make_view()))
    assert client.get("/why?id=p-0001").headers["location"] == "/why/p-0001"
    assert client.get("/why?id=").headers["location"] == "/"


def test_status_and_why_are_told_as_json() -> None:
    status = json.loads(ask(make_view(), "/api/status"))
    assert status["loops"][0]["champion"]["number"] == 4
    assert status["loops"][0]["traffic"]["challenger_share"] == 0.05
    why = json.loads(ask(make_view(), "/api/why/p-0001"))
    assert why["prediction"] != {}
    assert why["verdicts"][0]["ruling"] == "passed"


def test_charts_are_drawn_once_and_kept_for_ever() -> None:
    view = make_view()
    client = Client(make_app(view))
    paths = re.findall(r"/chart/[0-9a-f]{32}(?:-narrow)?\.svg", client.get("/").text)
    assert len(paths) == 4
    for path in paths:
        chart = client.get(path)
        assert chart.headers["content-type"] == "image/svg+xml"
        assert "immutable" in chart.headers["cache-control"]
        assert chart.text.startswith("<svg")
    assert re.findall(r"/chart/[^ \"]+\.svg", client.get("/live").text) == paths


def test_a_chart_gets_a_new_address_when_its_facts_change() -> None:
    loop = make_loop()
    view = make_view(loop)
    client = Client(make_app(view))
    before = set(re.findall(r"/chart/[^ \"]+\.svg", client.get("/").text))
    view.shown = replace(view.shown, loops=(replace(loop, windows=loop.windows[:-1]),))
    after = set(re.findall(r"/chart/[^ \"]+\.svg", client.get("/").text))
    assert len(after - before) == 2


def test_pictures_of_a_run_are_shown_as_images_in_which_nothing_runs() -> None:
    pictures = {"png": b"\x89PNG", "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>", "html": b"<script/>"}
    view = make_view(replace(make_loop(), runs=(make_drawing_run(**pictures),)))
    view.pictures = {"p" * 64: pictures["png"], "s" * 64: pictures["svg"]}
    client = Client(make_app(view))
    page = client.get("/").text
    assert "What the run run-3 drew" in page
    assert "the html, kept by the step fit (html, 0.0 MB) is not shown here" in page
    assert f"/figure/{'h' * 64}" not in page
    for kind, media in (("png", "image/png"), ("svg", "image/svg+xml")):
        assert f'src="/figure/{kind[0] * 64}"' in page
        answer = client.get(f"/figure/{kind[0] * 64}")
        assert (answer.headers["content-type"], answer.content) == (media, pictures[kind])
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert client.get(f"/figure/{'h' * 64}").status_code == 404


def test_a_picture_that_is_too_large_is_named_and_not_shown() -> None:
    view = make_view(replace(make_loop(), runs=(make_drawing_run(png=bytes(MOST_SHOWN_BYTES + 1)),)))
    page = Client(make_app(view)).get("/").text
    assert "the png, kept by the step fit (png, 2.1 MB) is not shown here" in page
    assert "/figure/" not in page


def test_a_promotion_by_form_is_carried_out_and_leads_back_to_the_page() -> None:
    view = make_view()
    response = Client(make_app(view)).post(
        "/api/promote", "loop=late-flights&reason=we+need+it", content_type=FORM, origin=ORIGIN
    )
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert view.orders == [("promote", "late-flights", "we need it")]


def test_a_rollback_by_a_program_is_carried_out_and_told() -> None:
    view = make_view()
    client = Client(make_app(view), headers={})
    response = client.post("/api/rollback", '{"loop": "late-flights"}', content_type="application/json")
    assert response.json() == {"sentence": "rollback: late-flights, because ordered by a person on the page."}
    assert view.orders == [("rollback", "late-flights", "ordered by a person on the page")]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFound("no rollout is under way"), 404),
        (PromotionRefused("no passed verdict stands behind v5"), 409),
        (StateConflict("someone else changed it"), 409),
        (StoreFailed("the disk is full"), 503),
    ],
)
def test_a_refused_order_says_why_to_programs_and_to_people(error: Exception, status: int) -> None:
    view = make_view()
    view.refusal = error
    order = '{"loop": "late-flights"}'
    told = Client(make_app(view), headers={}).post("/api/promote", order, content_type="application/json")
    shown = Client(make_app(view)).post("/api/promote", "loop=late-flights", content_type=FORM, origin=ORIGIN)
    assert told.status_code == shown.status_code == status
    assert told.json()["found"] == str(error).rstrip(".")
    assert "That was not possible" in shown.text


@pytest.mark.parametrize("body", ["", "[]", '{"loop": 3}', '{"loop": "a", "share": 1}', "\xff", '{"loop": "a"} x'])
def test_a_body_that_is_no_order_is_refused(body: str) -> None:
    view = make_view()
    response = Client(make_app(view), headers={}).post("/api/promote", body, content_type="application/json")
    assert response.status_code == 400
    assert response.json()["expected"] == '{"loop": "...", "reason": "..."}'
    assert view.orders == []


def test_a_body_that_is_too_long_is_refused() -> None:
    body = json.dumps({"loop": "late-flights", "reason": "x" * 2_000_000})
    response = Client(make_app(make_view()), headers={}).post("/api/promote", body, content_type="application/json")
    assert response.status_code == 400


def test_unknown_addresses_are_said_to_people_and_to_programs() -> None:
    app = make_app(make_view())
    assert "There is no such page" in Client(app).get("/nowhere").text
    assert Client(app, headers={}).get("/nowhere").json() == {"error": "Not Found"}
    assert Client(app).get("/why/nope").status_code == 404
    assert Client(app).get("/static/app.py").status_code == 404
    assert Client(app).get("/chart/x.svg").status_code == 404
    assert Client(app).get("/api/promote").status_code == 405
