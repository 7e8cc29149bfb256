"""The examples of docs/serving.md are run against a real worker, and answer what the page shows."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import polars as pl
import pytest

from serving.flights import ROW

PAGE = (Path(__file__).parents[2] / "docs" / "serving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```(?:\n```json\n(.*?)```)?", PAGE, re.DOTALL)
SHELL = [(script, shown) for language, script, shown in BLOCKS if language == "sh"]
CURL = 'curl() { command curl --fail-with-body "$@" && echo; }\nset -e\n'


def name_example(example):
    return " ".join(re.findall(r"localhost:8080(\S+)", example[0])[:1])


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("example", SHELL, ids=name_example)
def test_an_example_is_answered_as_the_page_shows(live, example, tmp_path):
    script, shown = example
    pl.DataFrame([ROW]).write_parquet(tmp_path / "rows.parquet")
    told = subprocess.run(
        ["bash", "-c", CURL + script.replace("localhost:8080", f"127.0.0.1:{live.port}")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    replies = [json.loads(line) for line in told.stdout.splitlines() if line]
    assert len(replies) == script.count("curl")
    if shown:
        assert outline(replies[0]) == outline(json.loads(shown))


def test_every_form_has_an_example():
    asked = " ".join(script for script, _ in SHELL)
    for path in ("/v1/predict", "/v1/labels", "/infer", "/invocations", ":predict", "/openapi.json", "/ping"):
        assert path in asked
    for named in ("dataframe_split", "dataframe_records", '"inputs"', '"instances"', "text/csv", "apache.parquet"):
        assert named in asked


def test_the_example_for_tritons_client_runs(live):
    (script,) = [script for language, script, _ in BLOCKS if "tritonclient.http" in script and language == "python"]
    names = {}
    exec(script.replace("localhost:8080", f"127.0.0.1:{live.port}"), names)
    assert names["probabilities"].shape == (1, 2)


def outline(thing):
    """Return a JSON value with its names alone; of a list what its first item looks like."""
    if isinstance(thing, dict):
        return {name: outline(value) for name, value in thing.items()}
    if isinstance(thing, list):
        return [outline(thing[0])] if thing else []
    return "number" if isinstance(thing, int | float) and not isinstance(thing, bool) else type(thing).__name__
