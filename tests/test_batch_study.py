"""A study asked in batches by the real command line: its forecast stands beside its bill."""

import re
from pathlib import Path

from commandline import REPORT, edit_config, run
from services.scripted_batches import serving_batches
from services.test_bill import PRICE, provider

TOKEN = {"TINY_TOKEN": "hf_PLANTED0123456789"}
USERS = 30


def test_a_study_in_batches_goes_from_forecast_to_bill_over_several_runs(study: Path) -> None:
    with serving_batches() as server:
        server.course, server.answer = ("in_progress", "in_progress", "completed"), provider
        llm = {
            "adapter": "openai-chat",
            "base_url": server.base_url,
            "model": "thinker",
            "token_env": "TINY_TOKEN",
            "max_tokens": 4000,
            "mode": "batch",
            "price": PRICE,
            "first_wait_s": 0.01,
        }
        rerankers = {"batch-numbered": {"llm": "thinker", "prompt": "numbered"}}
        changes = {"llms": {"thinker": llm}, "rerankers": rerankers}
        edit_config(study, {**changes, "methods": ["batch-numbered", "popularity"]})
        ready = run(study, "results/preflight.md", env=TOKEN)
        assert "llms.thinker: ready" in ready.stdout, ready.stdout
        assert "| batches | served |" in (study / "results/preflight.md").read_text()
        told = run(study, "results/forecast.md")
        assert told.returncode == 0, told.stdout
        expected = float(re.findall(r"for about (\S+) USD", told.stdout)[0])
        said = []
        for _ in range(2):
            done = run(study, REPORT, env=TOKEN)
            assert done.returncode != 0
            said.append(done.stdout.splitlines()[-1])
        assert all(f"{USERS} of {USERS} questions have no answer yet" in line for line in said)
        assert all(re.search(r"run again after \d{4}-\d\d-\d\d \d\d:\d\d UTC$", s) for s in said)
        assert "Traceback" not in done.stdout
        done = run(study, REPORT, env=TOKEN)
        assert done.returncode == 0, done.stdout
        assert list(server.asked.values()) == [1] * USERS
    report = (study / REPORT).read_text()
    [bill] = map(float, re.findall(r"^\| US dollars \| (\S+) \|$", report, re.MULTILINE))
    [(forecast, error)] = re.findall(
        r"^\| forecast: US dollars \| (\S+) \((\S+) %\) \|$", report, re.MULTILINE
    )
    assert float(forecast) == expected
    assert abs(expected / bill - 1) <= 0.15
    assert abs(abs(float(error.strip("+−"))) - 100 * abs(expected / bill - 1)) < 2
    assert "Prices as of 2026-11-27." in report
    assert "PLANTED" not in done.stdout
