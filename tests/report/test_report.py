"""What the report says, and that it is the same bytes every time."""

import dataclasses
import math
import re

import pytest


def test_the_first_paragraph_answers_from_the_numbers(report, made) -> None:
    first = report.markdown.split("\n\n")[1]
    assert first.startswith("**These numbers cannot tell") or first.startswith("**No")
    assert "`llama`" in first
    assert "a random shuffle of the same lists expects 20 and reaches 14 to 26" in first
    assert "The encoder `best` has it there for 40 (+20;" in first
    assert "better than NFM" in first


def with_verdict(study, method: str, delta: float, p: float):
    """The study in which `method` has this difference and p at every cutoff."""
    from microrank.evaluation.metrics import METRICS

    rows = study.metrics.to_pylist()
    for row in rows:
        if row["method"] == method and row["metric"] == "hr":
            row |= {"delta": delta, "p_holm": p}
    return dataclasses.replace(study, metrics=type(study.metrics).from_pylist(rows, schema=METRICS))


VERDICTS = [
    (0.2, 0.01, "better"),
    (-0.2, 0.01, "worse"),
    (0.2, 0.2, "cannot tell"),
    (-0.2, 0.2, "cannot tell"),
]


@pytest.mark.parametrize(("delta", "p", "expected"), VERDICTS)
def test_the_headline_follows_direction_and_corrected_p(made, delta, p, expected) -> None:
    from microrank.report.headline import answer

    headline = {
        "better": "**Yes: re-ranking by `llama`",
        "worse": "**No: every language model",
        "cannot tell": "**These numbers cannot tell",
    }[expected]
    assert answer(with_verdict(made.study(), "llama", delta, p)).startswith(headline)


def fused(made, of: tuple[str, ...] = ("nfm", "llama"), names: tuple[str, ...] = ()):
    """The study in which `best` is a fusion of these parts."""
    best = {"fusion": "reciprocal", "of": list(of)}
    names = names or tuple(made.RERANKERS)
    return made.study(methods=made.methods(names, best=best))


@pytest.mark.parametrize(("delta", "p", "expected"), VERDICTS)
def test_a_fusion_with_a_language_model_has_a_clause_of_its_own_beside_the_models(
    made, delta, p, expected
) -> None:
    from microrank.report.headline import answer

    clause = {
        "better": "**As a part of a fusion, one does: `best` puts more",
        "worse": "**Every fusion with a language model made the list worse.**",
        "cannot tell": "**No fusion with a language model can be shown to improve the list.**",
    }[expected]
    told = answer(with_verdict(fused(made), "best", delta, p))
    assert told.startswith("**These numbers cannot tell: no language model")
    assert clause in told
    assert "The fusion with a language model `best` has it there for" in told
    assert "other parts" not in told
    assert clause not in answer(
        with_verdict(fused(made, of=("nfm", "chance")), "best", delta, p)
    ), "a fusion of references is none"


def test_of_a_fusion_with_further_parts_the_model_is_not_said_to_have_done_it(made) -> None:
    from microrank.report.headline import answer

    assert "That other parts did it is possible" in answer(
        with_verdict(fused(made, of=("nfm", "llama", "chance")), "best", 0.2, 0.01)
    )


def test_language_models_that_were_asked_for_fusions_alone_count_as_asked(made) -> None:
    from microrank.report.headline import answer

    alone = fused(made, names=("best", "simulated-study"))
    told = answer(with_verdict(alone, "best", 0.2, 0.01))
    assert told.startswith(
        "A language model was asked only as a part of fusions. **Yes, as a part of a fusion: `best`"
    )


def test_a_fusion_with_a_simulated_part_is_called_simulated_and_answers_nothing(made) -> None:
    from microrank.report.headline import answer
    from microrank.report.sections import sections

    study = fused(made, of=("nfm", "simulated-study"), names=("best", "chance"))
    assert answer(study).startswith(
        "**No language model was asked here** (the answers come from a simulated server"
    )
    notices = [block.text for block in sections(study)[0].blocks[1:]]
    assert any(
        text.startswith("**Simulated:** `best` asked no model.")
        and "in a part of the fusion" in text
        for text in notices
    )
    assert "The simulated fusion `best`" in answer(study)
    assert study.label("best") == "best (simulated)"


def test_every_methods_verdict_against_a_shuffle_is_holm_adjusted_and_stands_early_in_the_table(
    report, made
) -> None:
    lines = report.markdown.splitlines()
    assert any(
        line.startswith("| method | against NFM | against a shuffle | Hits@5 |") for line in lines
    )
    assert any(line.startswith("| best | better | better | 40 (") for line in lines)
    assert any(line.startswith("| llama | cannot tell | cannot tell |") for line in lines)
    assert any(line.startswith("| NFM |  | cannot tell |") for line in lines)
    assert "and not told apart from a random shuffle" in report.answer
    rows = [
        row
        for row in made.study().metrics.to_pylist()
        if row["metric"] == "hr_over_random" and row["method"] == "best"
    ]
    assert all(row["p_value"] < row["p_holm"] < 0.05 for row in rows if row["cutoff"] < 10)


def test_power_is_told_for_one_test_and_for_the_verdicts_of_the_method_in_question(
    report, made
) -> None:
    from microrank.evaluation.power import detectable_difference

    study = made.study()
    row, tests = study.row("llama", "hr", 10), 4 * len(study.names)  # at 1, 5, 10 and 15
    differing = (row.wins + row.losses) / 40
    single, first = (
        math.ceil(40 * detectable_difference(40, differing, level))
        for level in (0.05, 0.05 / tests)
    )
    assert first > single
    assert (
        f"{differing:.0%} of the 40 users are a hit at 10 for only one of NFM and `llama`"
        in report.markdown
    )
    assert (
        f"one test at p ≤ 0.05 finds a true difference of {single} hits four times out of five"
        in report.markdown
    )
    assert (
        f"corrected for {tests} tests, and the first step of Holm's correction asks for "
        f"p ≤ {0.05 / tests:.2g}" in report.markdown
    )
    assert f"that takes {first} hits" in report.markdown
    assert any(
        re.match(rf"\| llama \| {differing:.0%} \| {single} hits \| {first} hits \|", line)
        for line in report.markdown.splitlines()
    )


def test_the_table_says_that_intervals_are_unadjusted_and_shows_those_of_ndcg_and_mrr(
    report, made
) -> None:
    assert "They are not adjusted for the many comparisons, as p is" in report.markdown
    row = made.study().row("llama", "ndcg", 10)
    assert f"| llama | {row.value:.3f} ({row.ci_low:.3f}–{row.ci_high:.3f}) |" in report.markdown


def test_no_caption_says_that_a_method_by_titles_alone_is_flat(report) -> None:
    assert "alone is flat" not in report.markdown
    assert "need not be flat" in report.markdown


def test_without_a_real_model_the_report_says_that_none_was_asked(made, tmp_path) -> None:
    from microrank.report.headline import answer

    study = made.study(methods=made.methods(("best", "simulated-study")))
    assert answer(study).startswith(
        "**No language model was asked here** (the answers come from a simulated server"
    )
    assert "`methods` names none" in answer(made.study(methods=made.methods(("best",))))


def test_simulated_and_synthetic_are_said_wherever_they_show(made, tmp_path) -> None:
    study = made.study()
    assert study.label("simulated-study") == "simulated-study"
    simulated = made.methods(llama={"llm": "simulated", "prompt": "study"})
    assert made.study(methods=simulated).label("llama") == "llama (simulated)"
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
    outside = re.findall(
        r"""(?:src|href|action)\s*=\s*["']?(?!#|data:)[^"'>\s]+""",
        report.page.split('id="explorer-data"')[0],
    )
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
