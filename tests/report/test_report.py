"""What the report says, and that it is the same bytes every time."""

import dataclasses
import re

import pytest


def test_the_first_paragraph_answers_from_the_numbers(report, made) -> None:
    first = report.markdown.split("\n\n")[1]
    assert first.startswith("**These numbers cannot tell") or first.startswith("**No")
    assert "`llama`" in first
    assert "a random shuffle of the same lists expects 20 and reaches 14 to 26" in first
    assert "The encoder `best` has it there for 40 (+20;" in first
    assert "better than NFM" in first


@pytest.mark.parametrize(
    ("delta", "p", "headline"),
    [
        (0.2, 0.01, "**Yes: re-ranking by `llama`"),
        (-0.2, 0.01, "**No: every language model"),
        (0.2, 0.2, "**These numbers cannot tell"),
        (-0.2, 0.2, "**These numbers cannot tell"),
    ],
)
def test_the_headline_follows_direction_and_corrected_p(made, delta, p, headline) -> None:
    from microrank.evaluation.score import METRICS
    from microrank.report.answer import answer

    study = made.study()
    rows = study.metrics.to_pylist()
    for row in rows:
        if row["method"] == "llama" and row["metric"] == "hr":
            row |= {"delta": delta, "p_holm": p}
    changed = dataclasses.replace(study, metrics=type(study.metrics).from_pylist(rows, schema=METRICS))
    assert answer(changed).startswith(headline)


def test_without_a_real_model_the_report_says_that_none_was_asked(made, tmp_path) -> None:
    from microrank.report.answer import answer

    study = made.study(methods=("best", "simulated-study"))
    assert answer(study).startswith("**No language model was asked here** (the answers come from a simulated server")
    assert "`methods` names none" in answer(made.study(methods=("best",)))


def test_published_figures_stand_beside_ours_and_say_whether_they_are_the_same(report) -> None:
    lines = report.markdown.splitlines()
    assert any(line.startswith("| NFM | 38 | 64 | NFM | 10 (") for line in lines)
    assert any(line.startswith("| e5-small-v2 | 32 | 56 | best | 40 (") and line.endswith("| other model |") for line in lines)
    assert any(line.startswith("| Meta-Llama-3-8B-Instruct | 29 | 49 |") for line in lines)
    assert any(line.startswith("| HR@5 | 0.01747 | 0.01700 |") and line.endswith("| yes |") for line in lines)
    assert any(line.startswith("| HR@20 | 0.04618 | 0.20000 |") and line.endswith("| no |") for line in lines)


def test_simulated_and_synthetic_are_said_wherever_they_show(made, tmp_path) -> None:
    study = made.study()
    assert study.label("simulated-study") == "simulated-study"
    assert dataclasses.replace(study, kinds={**study.kinds, "llama": "simulated llm"}).label("llama") == "llama (simulated)"
    synthetic = made.study(settings={**study.settings, "synthetic": True})
    text = made.written(synthetic, tmp_path)
    assert "say nothing about real recommenders" in text.markdown
    assert "say nothing about real recommenders" in text.page


def test_repairs_tokens_and_the_price_of_an_extra_hit_are_told(report) -> None:
    assert "| answers that needed a repair | 10 (25%) | 10 (25%) |" in report.markdown
    assert "| US dollars | – | 0.0208 |" in report.markdown  # 40 · (400 + 2 · 60) millionths
    assert "served model | `model¦'x'`" in report.markdown


def test_reports_and_figures_are_the_same_bytes_again(made, report, tmp_path) -> None:
    again = made.written(made.study(), tmp_path)
    assert again == report
    first = {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()}
    made.figures(made.study(), tmp_path)
    assert first == {path.name: path.read_bytes() for path in (tmp_path / "figures").iterdir()}


def test_markdown_tables_are_rectangular(report) -> None:
    width = None
    for line in report.markdown.splitlines():
        if line.startswith("|"):
            cells = len(re.findall(r"(?<!\\)\|", line))
            assert width in (None, cells), line
            width = cells
        else:
            width = None


def test_the_page_asks_nothing_from_outside(report) -> None:
    outside = re.findall(r"""(?:src|href|action)\s*=\s*["']?(?!#|data:)[^"'>\s]+""", report.page.split('id="explorer-data"')[0])
    assert outside == []
    assert not re.search(r"@import|url\((?!#)", report.page)
    assert "default-src 'none'" in report.page


def test_no_title_or_answer_can_end_the_script_that_holds_it(report, made) -> None:
    data = re.search(r'id="explorer-data">(.*?)</script>', report.page, re.DOTALL)
    assert data is not None
    assert "<" not in data.group(1)
    assert "raw answer \\u003c/script>" in data.group(1)
    assert made.ATTACK not in report.page


def test_ids_are_unique_though_figures_share_their_own(report) -> None:
    ids = re.findall(r'\sid="([^"]+)"', report.page)
    assert len(ids) == len(set(ids))
