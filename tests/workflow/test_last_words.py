"""What stands last on the terminal."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

from microrank.report.markdown import as_markdown
from microrank.report.sections import sections
from microrank.workflow.last_words import failures, verdict
from report.study import study

LOG = """2026-11-26 19:45:29,123 INFO reading
2026-11-26 19:45:30,123 ERROR an earlier one
2026-11-26 19:45:31,123 ERROR titles.csv: line 3: has no title; write one
2026-11-26 19:45:31,124 ERROR traceback
Traceback (most recent call last):
  ERROR in a line of the traceback
"""


def job(rule: str, *logs: Path) -> SimpleNamespace:
    return SimpleNamespace(rule=SimpleNamespace(name=rule), log=list(map(str, logs)))


def test_the_verdict_is_the_first_paragraph_and_the_notices_without_stars(tmp_path: Path) -> None:
    made_up = study(settings={**study().settings, "synthetic": True})
    report = tmp_path / "report.md"
    figures = dict.fromkeys(["hits", "positions", "flow", "training", "fusion"], "a.svg")
    report.write_text(as_markdown(sections(made_up), figures, "report.html"))
    (tmp_path / "report.html").touch()
    answer, notice, *_, last = verdict(report)
    assert answer in report.read_text().replace("**", "")
    assert notice.startswith("This is the synthetic sample. Its users")
    assert "*" not in answer + notice
    assert last == f"Open {tmp_path}/report.html"
    assert verdict(tmp_path / "absent.md") == []


def test_a_failed_jobs_last_error_is_what_is_said_of_it(tmp_path: Path) -> None:
    log = tmp_path / "split.log"
    log.write_text(LOG)
    said = ["split: titles.csv: line 3: has no title; write one"]
    assert failures([job("split", log)]) == said
    assert failures([job("split", log), job("split", log)]) == said


def test_a_job_that_ended_without_a_word_is_named_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    for text in (None, "2026-11-26 19:45:29,123 INFO reading\n"):
        if text is not None:
            log.write_text(text)
        (line,) = failures([job("train", log)])
        assert line.startswith("train: ended without a word")
        assert str(log) in line


def test_last_words_come_after_all_that_is_printed_later() -> None:
    program = (
        "import sys; from microrank.workflow.last_words import say_last; say_last(['a', 'b']); "
        "say_last([]); print('later', file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2] / "workflow/scripts",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "later\n\na\nb\n"
