"""Repeated answers by the real command line: a service that varies, and one that does not."""

import json
import random
import re
from collections import Counter
from pathlib import Path

from commandline import REPORT, edit_config, run
from microrank.services.store import Store
from services.scripted import as_json, completion, serving

ANSWERS, USERS = 4, 30


def answering():
    """A service whose model `varying` answers at random, and `steady` the same each time."""
    asked: Counter[str] = Counter()

    def answer(request, body: dict):
        question = body["messages"][-1]["content"]
        order = list(range(1, len(re.findall(r"^\[\d+\]", question, re.MULTILINE)) + 1))
        number = 0
        if body["model"] == "varying":
            asked[question] += 1
            number = asked[question]
        random.Random(f"{question}{number}").shuffle(order)
        return as_json(completion(json.dumps({"ranking": order})))

    return answer


def test_a_service_that_varies_is_told_from_one_that_never_does(study: Path) -> None:
    models = ("varying", "steady")
    with serving(answering()) as server:
        llm = {"adapter": "openai-chat", "base_url": server.base_url, "response_format": "none"}
        reranker = {"prompt": "numbered", "repeats_of_answers": ANSWERS}
        changes = {
            "llms": {name: {**llm, "model": name} for name in models},
            "rerankers": {f"{name}-row": {**reranker, "llm": name} for name in models},
            "methods": [*(f"{name}-row" for name in models), "popularity"],
        }
        edit_config(study, changes)
        told = run(study, "results/forecast.md")
        assert told.returncode == 0, told.stdout
        page = (study / "results/forecast.md").read_text()
        for name in models:
            for number in range(2, ANSWERS + 1):
                assert f"{name}-row, answer {number}" in page
        store = Store(study / "resources/store")
        before = len(list(store.paths()))
        done = run(study, REPORT)
        assert done.returncode == 0, done.stdout
        assert len(server.bodies) == len(list(store.paths())) - before == 2 * ANSWERS * USERS
        assert re.search(rf"In all.*\b{len(server.bodies)}\b", page)
        assert run(study, REPORT).stdout.count("Nothing to be done") == 1
        assert len(server.bodies) == 2 * ANSWERS * USERS
    noise = json.loads((study / "results/sample/noise.json").read_text())
    varying, steady = noise["rows"]
    assert (varying["method"], steady["method"]) == ("varying-row", "steady-row")
    assert varying["orders_vary"] == USERS
    assert varying["share"] > 0.7
    assert (steady["orders_vary"], steady["share"]) == (0, 0)
    assert len(steady["hits"]) == ANSWERS
    assert noise["answers"] == 2 * (ANSWERS - 1) * USERS
    report = (study / REPORT).read_text()
    assert "Asked the same again" in report
    metrics = (study / "results/sample/metrics.csv").read_text()
    assert f"varying-row,hits,10,{varying['hits'][0]}" in metrics
