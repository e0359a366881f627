"""What the report says, and that it is the same bytes every time."""

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from microrank.evaluation.recommender import PopularityComparison
from microrank.report.summary import summary_table
from microrank.workflow.config import check_config

ROOT = Path(__file__).parents[2]


def test_the_first_paragraph_answers_from_the_numbers(report, made) -> None:
    first, table, _, caveats = report.markdown.split("\n\n")[1:5]
    assert first.startswith("**These numbers cannot tell") or first.startswith("**No")
    lines = table.splitlines()
    assert lines[0] == "|  | against NFM | − NFM | Hits@10 |"
    assert lines[2] == "| recommender: NFM |  |  | 20 |"
    assert lines[3] == "| random shuffle |  |  | 20 (14–26) |"
    best = "best | better | +20 (+15 to +25) | 40 |"
    assert f"| best encoder: {best}" in lines
    assert lines[-1] == f"| best of all: {best}"
    assert any(
        line.startswith("| best language model: llama | cannot tell | −3 (") for line in lines
    )
    assert "a random shuffle of the same lists expects 20 and reaches 14 to 26" in caveats
    assert "The order of NFM itself is not shown to be better than a random shuffle" in first


def test_weak_lists_and_a_training_cut_short_are_told_in_the_first_paragraph(made) -> None:
    from microrank.report.headline import headline

    one = made.study()
    assert "popular items" not in headline(one)
    assert "limit" not in headline(one)
    unbeaten = PopularityComparison.of(np.zeros(40, int), np.arange(40), 20)
    weak = dataclasses.replace(
        one,
        nfm=dataclasses.replace(one.nfm, popularity=unbeaten),
        at_limit=["NFM's training ended at its limit."],
    )
    first = headline(weak)
    assert "**The lists of NFM are not shown to hit more often than the most popular items" in first
    assert first.endswith("NFM's training ended at its limit.")
    settings = {
        **one.settings,
        "recommenders": ["popular"],
        "recommender_settings": {"popular": {"model": "popularity"}},
    }
    popularity = dataclasses.replace(weak, settings=settings)
    assert "most popular items" not in headline(popularity), "it is popularity itself"


def with_verdict(study, method: str, delta: float, p: float, *, is_within: bool = False):
    """The study in which `method` has this difference, and p at every cutoff.

    is_within: whether the difference is shown to be smaller than the margin.
    """
    from microrank.evaluation.metrics import METRICS

    rows = study.metrics.to_pylist()
    for row in rows:
        if row["method"] == method and row["metric"] == "hr":
            row |= {"delta": delta, "p_holm": p}
        if row["method"] == method and row["metric"] == "hr_equivalence":
            half, p_within = (0.01, 0.001) if is_within else (0.2, 1.0)
            row |= {"ci_low": delta - half, "ci_high": delta + half, "p_holm": p_within}
    return dataclasses.replace(study, metrics=type(study.metrics).from_pylist(rows, schema=METRICS))


VERDICTS = [
    (0.2, 0.01, "better"),
    (-0.2, 0.01, "worse"),
    (0.2, 0.2, "cannot tell"),
    (-0.2, 0.2, "cannot tell"),
]


@pytest.mark.parametrize(("sample_size", "is_told"), [(41, True), (40, False), ("all", False)])
def test_a_subset_smaller_than_asked_for_is_told_before_the_answer(
    made, sample_size, is_told
) -> None:
    from microrank.report.headline import answer

    study = made.study()
    subset = study.settings["subset"] | {"sample_size": sample_size}
    text = answer(dataclasses.replace(study, settings=study.settings | {"subset": subset}))
    notice = "**There are only 40 users of the 41 that `subset.sample_size` asks for: all of them"
    assert text.startswith(notice) == is_told


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
    assert "best fusion with a language model: best" in [
        row[0] for row in summary_table(with_verdict(fused(made), "best", delta, p)).rows
    ]
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


def test_a_small_gain_of_fusions_alone_is_a_sentence_of_its_own(made) -> None:
    from microrank.report.headline import answer

    alone = fused(made, names=("best", "simulated-study"))
    told = answer(with_verdict(alone, "best", 0.02, 0.01, is_within=True))
    assert told.startswith(
        "A language model was asked only as a part of fusions. **Yes, as a part of a fusion, but by"
    )


def test_models_that_all_made_the_list_worse_are_not_called_some(made) -> None:
    from microrank.report.headline import answer

    study = made.study(methods=made.methods(chance={"llm": "llama", "prompt": "numbered"}))
    worse = with_verdict(study, "llama", -0.2, 0.01)
    both = with_verdict(worse, "chance", -0.02, 0.01, is_within=True)
    assert answer(both).startswith(
        "**No: every language model that was asked made the recommender's list worse, `chance` by "
        "less than 5% of users.**"
    )


def test_a_fusion_with_a_simulated_part_is_called_simulated_and_answers_nothing(made) -> None:
    from microrank.report.headline import answer
    from microrank.report.sections import sections

    study = fused(made, of=("nfm", "simulated-study"), names=("best", "chance"))
    assert answer(study).startswith(
        "**No language model was asked here** (the answers come from a simulated server"
    )
    notices = [block.text for block in sections(study)[0].blocks if hasattr(block, "text")]
    assert any(
        text.startswith("**Simulated:** `best` asked no model.")
        and "in a part of the fusion" in text
        for text in notices
    )
    kinds = [row[0] for row in summary_table(study).rows]
    assert "best simulated model: best (simulated)" in kinds
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
        f"{differing:.0%} of the 40 users are a hit (Hits@10) for only one of NFM and `llama`"
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


@pytest.mark.parametrize("names", [("best",), ("best", "simulated-study")])
def test_without_a_real_model_the_first_screen_has_three_lines_that_add_one(
    made, names, monkeypatch
) -> None:
    monkeypatch.chdir(ROOT)
    from microrank.report.blocks import Listing
    from microrank.report.sections import sections

    first = sections(made.study(methods=made.methods(names)))[0]
    (listing,) = [block for block in first.blocks if isinstance(block, Listing)]
    assert len(listing.text.splitlines()) == 3
    added = yaml.safe_load(listing.text)
    assert added["methods"] == ["best", "smollm2-likelihood", "mine-numbered"]
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["rerankers"] |= added["rerankers"] | {"best": {"reference": "bm25"}}
    config |= {"llms": config["llms"] | added["llms"], "methods": added["methods"]}
    check_config(config, ROOT / "workflow/schemas/config.schema.yaml")


def test_where_a_real_model_was_asked_its_name_stands_in_the_first_paragraph(made) -> None:
    from microrank.report.blocks import Listing
    from microrank.report.headline import headline
    from microrank.report.sections import sections

    assert "The language model asked is `llama`." in headline(made.study())
    assert not any(isinstance(block, Listing) for block in sections(made.study())[0].blocks)


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


def answered(made, unread: int = 0, order_shown: int = 0, **changes):
    """The study in which so many of the 40 answers of `llama` are unread, or the order shown."""
    from microrank.llm.answer_counts import AnswerCounts

    study = made.study(**changes)
    asked = dict(study.diagnostics.asked)
    counts = AnswerCounts(answers=40, unread=unread, order_shown=order_shown)
    asked["llama"] = dataclasses.replace(asked["llama"], counts=counts)
    diagnostics = dataclasses.replace(study.diagnostics, asked=asked)
    return dataclasses.replace(study, diagnostics=diagnostics)


MIXED_WITH_LLAMA = {"fusion": "z-score", "of": ["nfm", "llama"]}
SAYS_NOTHING = [("unread", "unreadable"), ("order_shown", "echoes the order shown")]


@pytest.mark.parametrize("delta", [-0.2, 0.0, 0.2])
@pytest.mark.parametrize(("field", "expected"), SAYS_NOTHING)
def test_a_row_whose_answers_say_nothing_gets_no_verdict_from_the_numbers(
    made, field, expected, delta
) -> None:
    from microrank.report.headline import answer
    from microrank.report.verdicts import verdict

    study = with_verdict(answered(made, **{field: 40}), "llama", delta, 0.001)
    assert verdict(study, "llama") == verdict(study, "llama", "hr_over_random") == expected
    text = answer(study)
    first = {
        "unread": "**40 of 40 answers of `llama` named no candidate",
        "order_shown": "**40 of 40 answers of `llama` repeat the order in which",
    }[field]
    assert text.startswith(first)
    for drawn in ("cannot tell", "no difference", "Yes", "worse", "not told apart from NFM;"):
        assert drawn not in text.split("Of 40 users")[0], drawn


@pytest.mark.parametrize(
    ("unread", "order_shown", "problem"),
    [(4, 20, None), (5, 0, "unreadable"), (0, 21, "echoes the order shown"), (5, 35, "unreadable")],
)
def test_only_shares_above_the_limits_make_a_row_say_nothing(
    made, unread, order_shown, problem
) -> None:
    from microrank.report.verdicts import reading_problem

    study = answered(made, unread, order_shown)
    assert reading_problem(study, "llama") == problem
    assert reading_problem(study, "best") is None
    assert reading_problem(study, "nfm") is None


def test_the_share_of_unread_answers_that_is_borne_is_a_setting(made) -> None:
    from microrank.report.verdicts import reading_problem

    study = answered(made, unread=5)
    assert reading_problem(dataclasses.replace(study, unread_share=0.2), "llama") is None
    assert reading_problem(dataclasses.replace(study, unread_share=0), "llama") == "unreadable"


def test_a_fusion_inherits_what_is_wrong_with_its_part(made) -> None:
    from microrank.report.headline import answer
    from microrank.report.verdicts import verdict

    study = answered(made, unread=40, methods=made.methods(mixed=MIXED_WITH_LLAMA))
    assert verdict(study, "mixed") == "unreadable"
    assert "The same holds of the fusions with it: `mixed`." in answer(study)
    only_part = dataclasses.replace(
        study, methods=made.methods(("best", "mixed"), mixed=MIXED_WITH_LLAMA)
    )
    assert verdict(only_part, "mixed") == "unreadable"
    assert answer(only_part).startswith("**40 of 40 answers of `llama` named no candidate")


def test_unread_answers_and_echoes_stand_in_table_figure_page_and_markdown(made, tmp_path) -> None:
    written = made.written(answered(made, unread=8, order_shown=10), tmp_path)
    lines = written.markdown.splitlines()
    row = next(line for line in lines if line.startswith("| llama | unreadable | unreadable |"))
    assert row.endswith("| 20% | 25% |")
    assert "| answers that name no candidate | 0 (0%) | 8 (20%) |" in lines
    assert "| answers that are the order shown | 0 (0%) | 10 (25%) |" in lines
    assert 'class="text verdict unreadable">unreadable</td>' in written.page
    assert "Cross: a row that says nothing of its language model" in written.markdown
    marked = (tmp_path / "figures" / "hits.svg").read_bytes()
    plain = made.written(answered(made), tmp_path)
    assert "Cross:" not in plain.markdown
    assert (tmp_path / "figures" / "hits.svg").read_bytes() != marked


def test_a_language_model_that_can_be_read_still_gets_its_verdict_beside_one_that_cannot(
    made,
) -> None:
    from microrank.report.headline import answer

    both = made.methods(best={"llm": "llama", "prompt": "scores"})
    study = answered(made, unread=40, methods=both)
    text = answer(with_verdict(study, "best", 0.2, 0.001))
    assert text.startswith("**40 of 40 answers of `llama` named no candidate")
    assert "**Yes: re-ranking by `best` puts more" in text


def with_equivalence(study, method: str, p: float):
    """The study in which the two one-sided tests of this method have p after correction."""
    from microrank.evaluation.metrics import METRICS

    rows = study.metrics.to_pylist()
    for row in rows:
        if row["method"] == method and row["metric"] == "hr_equivalence":
            row |= {"p_holm": p}
    return dataclasses.replace(study, metrics=type(study.metrics).from_pylist(rows, schema=METRICS))


EQUIVALENCES = [
    (0.03, 0.01, 0.04, "better by less than the margin", "Yes, but by less than 5% of"),
    (0.03, 0.01, 0.06, "better", "Yes: re-ranking by `llama`"),
    (-0.03, 0.01, 0.04, "worse by less than the margin", "No: no language model makes"),
    (-0.03, 0.01, 0.06, "worse", "No: every language model"),
    (0.0, 0.9, 0.05, "no difference worth the margin", "No: no language model makes"),
    (0.0, 0.9, 0.051, "cannot tell", "These numbers cannot tell"),
]


@pytest.mark.parametrize(("delta", "p", "equal", "expected", "headline"), EQUIVALENCES)
def test_verdicts_say_no_difference_only_where_both_one_sided_tests_show_it(
    made, delta, p, equal, expected, headline
) -> None:
    from microrank.report.headline import answer
    from microrank.report.verdicts import verdict

    study = with_equivalence(with_verdict(made.study(), "llama", delta, p), "llama", equal)
    assert verdict(study, "llama") == expected
    assert answer(study).startswith(f"**{headline}")
    assert verdict(study, "llama", "hr_over_random") == "cannot tell"


def test_the_verdict_of_the_primary_comparison_looks_at_its_one_test(made) -> None:
    from microrank.report.verdicts import verdict

    study = made.study(primary=("llama",))
    row = study.row("llama", "hr", 10)
    assert row.family == "primary"
    assert row.p_holm == row.p_value, "one language model, one cutoff: nothing to correct"
    assert [row.cutoff for row in study.tests("llama", "hr")] == [10]
    assert [row.cutoff for row in study.tests("best", "hr")] == [5, 10]
    assert study.n_tests("llama") == 1
    assert study.n_tests("best") == 5 * 4 - 1
    assert verdict(study, "best") == "better"


def test_a_choice_inherits_what_is_wrong_with_the_chosen_part_alone(made) -> None:
    from microrank.report.verdicts import reading_problem
    from microrank.rerank.fusion_choice import FusionChoice

    picked = {"fusion": "best", "of": ["llama", "best"]}
    study = answered(made, unread=40, methods=made.methods(mixed=picked))
    for chosen, problem in ((0.0, "unreadable"), (1.0, None)):
        choice = FusionChoice("best", ("llama", "best"), chosen, 9, "ndcg@10", ())
        assert reading_problem(dataclasses.replace(study, fusions={"mixed": choice}), "mixed") == (
            problem
        )
