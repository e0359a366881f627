"""The sections that only some studies have."""

import subprocess
from dataclasses import replace

import numpy as np
import pytest
from microrank.evaluation.diagnostics import Asked, Usage
from microrank.evaluation.metrics import RANDOM_EXPECTED
from microrank.evaluation.score import score_rankings
from microrank.evaluation.seeds import compare_seeds
from microrank.evaluation.settings import Scoring
from microrank.llm.answer_counts import AnswerCounts
from microrank.report.all_users import over_all_users
from microrank.report.blocks import Picture, Table
from microrank.report.costs import answers_table
from microrank.report.html import inline
from microrank.report.provenance import repository
from microrank.report.sections import sections
from microrank.report.seeds import over_seeds
from microrank.rerank.repairs import Repairs
from report.study import RECOMMENDER, SUBSET, methods, rankings, study


def cells(section_table: Table) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in section_table.rows}


def test_the_rate_over_all_users_is_the_share_of_hit_users_times_the_rate_among_them() -> None:
    one = study()
    (section,) = over_all_users(one)
    table = next(block for block in section.blocks if isinstance(block, Table))
    found = cells(table)
    for name in ("best", "chance"):
        for cutoff, cell in zip((5, 10), found[one.label(name)][::2], strict=True):
            assert float(cell.split()[0]) == pytest.approx(
                0.2 * one.row(name, "hr", cutoff).value, abs=5e-4
            )
    assert found[one.label(RANDOM_EXPECTED)] == ["0.050", "", "0.100", ""]
    assert found["NFM, counted"] == ["0.017", "", "0.029", ""]
    assert found["NFM"][1::2] == ["", ""]


def test_the_difference_over_all_users_has_an_interval_of_its_own_for_these_users() -> None:
    one = study()  # 40 of the 200 users with a hit, who are a fifth of all
    (section,) = over_all_users(one)
    row = one.row("best", "hr_difference", 10)
    cell = cells(next(block for block in section.blocks if isinstance(block, Table)))["best"][3]
    factor = 0.2 * np.sqrt((200 - 40) / (200 - 1))
    ends = [0.2 * row.value + factor * (end - row.value) for end in row.interval]
    assert cell == f"{0.2 * row.value:+.3f} ({ends[0]:+.3f} to {ends[1]:+.3f})"


def test_a_subset_of_all_users_estimates_their_rates_and_shows_them_beside_the_hits() -> None:
    one = study()
    everyone = study(
        settings={**one.settings, "subset": {**one.settings["subset"], "population": "users"}}
    )
    (section,) = over_all_users(everyone)
    found = cells(next(block for block in section.blocks if isinstance(block, Table)))
    assert float(found["best"][0].split()[0]) == one.row("best", "hr", 5).value
    (first, *_) = section.blocks
    assert "drawn from all 1,000, of whom 200 (20.00%)" in first.text
    headers = [
        block.header
        for part in sections(everyone)
        for block in part.blocks
        if isinstance(block, Table)
    ]
    assert [
        "mean over users",
        "HR@5",
        "− NFM",
        "HR@10",
        "− NFM",
        "NDCG@10",
        "− NFM",
        "MRR",
        "− NFM",
    ] in headers


def test_where_everybody_was_drawn_there_is_no_interval() -> None:
    (section,) = over_all_users(study(nfm=replace(RECOMMENDER, hit_users=40)))
    found = cells(next(block for block in section.blocks if isinstance(block, Table)))
    assert not any("(" in cell for row in found.values() for cell in row)
    assert "Everybody was drawn" in section.blocks[1].caption  # type: ignore[union-attr]


def usage(answers: int, without: int = 0, prompt: int = 0, completion: int = 0) -> Usage:
    return Usage(answers, without, prompt, completion, ["a-model"])


def test_tokens_and_dollars_of_parts_and_tuning_are_told_and_uncounted_ones_are_unknown() -> None:
    one = study()
    asked = {
        "llama": Asked(
            Repairs(40, 0, 0),
            AnswerCounts(40),
            subset=usage(40, 0, 2_000_000, 1_000_000),
            tuning=usage(9, 2, 1_000_000, 0),
        ),
        "part": Asked(Repairs(40, 0, 0), AnswerCounts(40), subset=usage(40, 40)),
    }
    mixed = {"fusion": "reciprocal", "of": ["nfm", "llama", "part"]}
    part = {"llm": "llama", "prompt": "study"}
    table = answers_table(
        study(
            diagnostics=replace(one.diagnostics, asked=asked),
            methods=methods(mixed=mixed, part=part),
        )
    )
    assert table.header == ["", "llama", "part"]
    found = cells(table)
    assert found["prompt tokens"] == ["2,000,000", "unknown"]
    assert found["US dollars"] == ["4.0000", "unknown"], "1 dollar a million tokens in, 2 out"
    assert found["tuning: answers"] == ["9", "–"]
    assert found["tuning: prompt tokens"] == ["≥ 1,000,000", "–"]
    assert found["tuning: US dollars"] == ["≥ 1.0000", "–"]
    assert found["US dollars an extra hit (Hits@10)"][1] == "–", "it is no row of the report"


def test_tokens_that_a_service_had_cached_are_told_and_have_their_own_price() -> None:
    one = study()
    cached = replace(usage(40, 0, 2_000_000, 1_000_000), cached_tokens=500_000, reasoning_tokens=7)
    asked = {"llama": Asked(Repairs(40, 0, 0), AnswerCounts(40), subset=cached)}
    price = {"input": 1.0, "cached_input": 0.1, "output": 2.0}
    llama = one.settings["llms"]["llama"] | {"price": price}
    settings = one.settings | {"llms": one.settings["llms"] | {"llama": llama}}
    diagnostics = replace(one.diagnostics, asked=asked)
    found = cells(answers_table(study(diagnostics=diagnostics, settings=settings)))
    assert found["– of them cached by the service"] == ["500,000"]
    assert found["– of them reasoning"] == ["7"]
    assert found["US dollars"] == ["3.5500"], "1.5 million at 1, half a million at .1, 1 at 2"


def test_what_was_expected_stands_beside_the_bill_and_batches_have_their_own_price() -> None:
    """Half of the tokens came in batches, at half the price; a third too much was expected."""
    one = study()
    half = {"prompt_tokens": 750_000, "completion_tokens": 0, "cached_tokens": 0}
    expected = {"prompt_tokens": 2e6, "completion_tokens": 0.0, "cached_tokens": 0.0}
    took = replace(
        usage(40, 0, 1_500_000, 0),
        in_batch=half,
        expected=expected,
        expected_in_batch={**expected, "prompt_tokens": 1e6},
    )
    asked = {
        "llama": Asked(Repairs(40, 0, 0), AnswerCounts(40), subset=took),
        "part": Asked(Repairs(40, 0, 0), AnswerCounts(40), subset=usage(40, 0, 10, 10)),
    }
    price = {"input": 1.0, "output": 2.0, "batch": 0.5, "as_of": "2026-11-27"}
    llama = one.settings["llms"]["llama"] | {"price": price}
    settings = one.settings | {"llms": one.settings["llms"] | {"llama": llama}}
    mixed = {"fusion": "reciprocal", "of": ["nfm", "llama", "part"]}
    table = answers_table(
        study(
            diagnostics=replace(one.diagnostics, asked=asked),
            settings=settings,
            methods=methods(mixed=mixed, part={"llm": "llama", "prompt": "study"}),
        )
    )
    found = cells(table)
    assert found["US dollars"][0] == "1.1250"
    assert found["forecast: US dollars"] == ["1.5000 (+33.3 %)", "–"]
    assert found["forecast: prompt tokens"] == ["2,000,000 (+33.3 %)", "–"]
    assert "Prices as of 2026-11-27." in table.caption
    assert "before the first was asked for" in table.caption


def test_what_a_shuffle_moves_stands_beside_what_methods_move() -> None:
    one = study()
    table = next(
        block
        for part in sections(one)
        if part.title == "Why"
        for block in part.blocks
        if isinstance(block, Table)
    )
    shuffle = one.diagnostics.shuffle
    assert cells(table)[one.label(RANDOM_EXPECTED)][2:4] == [
        f"{count:,.0f}" for count in (shuffle.promoted, shuffle.demoted)
    ]


def test_files_that_shaped_the_results_are_named_with_their_checksums() -> None:
    parts = sections(study(files={"resources/prompts/study.yaml": "sha256:abc"}))
    table = next(
        block
        for part in parts
        if part.title == "Provenance"
        for block in part.blocks
        if isinstance(block, Table)
    )
    assert [cell.strip("`") for cell in table.rows[-1]] == [
        "resources/prompts/study.yaml",
        "sha256:abc",
    ]


def test_repeats_are_shown_with_their_spread() -> None:
    assert over_seeds(study()) == []
    one = study()
    (section,) = over_seeds(study(seeds=compare_seeds([one.metrics] * 3)))
    table = next(block for block in section.blocks if isinstance(block, Table))
    assert "3 times" in section.blocks[0].text  # type: ignore[union-attr]
    hits = one.row("best", "hits", 10).value
    assert cells(table)["best"][1:3] == [f"{hits:.1f} ± 0.0", f"{hits:.0f}–{hits:.0f}"]


def test_lists_of_another_recommender_carry_its_name_everywhere() -> None:
    metrics = score_rankings(
        rankings(),
        SUBSET,
        Scoring(bootstrap_samples=200),
        dataset="shop",
        seed=1,
        recommender="sasrec",
    )
    assert set(metrics["baseline"].drop_null().to_pylist()) == {"sasrec", RANDOM_EXPECTED}
    settings = {**study().settings, "dataset": "shop", "recommender": "sasrec"}
    theirs = methods(recommender="sasrec")
    parts = sections(study(metrics=metrics, settings=settings, methods=theirs))
    recommender = next(part for part in parts if part.title == "The recommender")
    assert not any(isinstance(block, Picture) for block in recommender.blocks)
    texts = repr(
        [
            part
            for part in parts
            if part.title not in ("Beside the published figures", "Provenance", "The methods")
        ]
    )
    assert "NFM" not in texts
    assert "sasrec" in texts
    assert np.all(
        [row["baseline"] in (None, "sasrec", RANDOM_EXPECTED) for row in metrics.to_pylist()]
    )


def test_every_row_has_a_line_that_says_what_it_is_and_sources_are_named() -> None:
    (section,) = (part for part in sections(study()) if part.title == "The methods")
    text, table = section.blocks
    lines = cells(table)  # type: ignore[arg-type]
    assert set(lines) == {study().label(name) for name in study().all_rows}
    assert lines["NFM"][0].startswith("the recommender's own order: neural factorisation machine")
    assert lines["best"] == [
        "text encoder `minilm`: titles nearest to the history's titles as one text"
    ]
    assert "Utilizing LLMs to Adjust NFM Recommendation Lists" in text.text  # type: ignore[union-attr]
    assert "Ni et al." in text.text  # type: ignore[union-attr]


def test_a_page_links_to_files_beside_it_and_to_nothing_else() -> None:
    assert (
        inline("[metrics.csv](sample/metrics.csv)")
        == '<a href="sample/metrics.csv">metrics.csv</a>'
    )
    for text in ("[x](https://a.b/c)", "[x](javascript:1)", "[x](//a.b)", "`[x](y)`", "[x](a?b)"):
        assert "<a" not in inline(text)


def test_a_repository_is_named_without_the_token_in_its_address(tmp_path) -> None:
    assert repository(tmp_path) is None
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert repository(tmp_path) is None
    address = "https://me:secret@example.org/a/b.git"
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", address], check=True)
    assert repository(tmp_path) == "https://example.org/a/b.git"


def test_prompts_that_were_probably_cut_are_told_with_the_remedy() -> None:
    one = study()
    cut = replace(one.diagnostics.asked["llama"], prompts_cut=38)
    asked = {**one.diagnostics.asked, "llama": cut}
    first = sections(study(diagnostics=replace(one.diagnostics, asked=asked)))[0]
    notices = [getattr(block, "text", "") for block in first.blocks]
    (told,) = (text for text in notices if text.startswith("**Prompts cut:**"))
    assert "of 38 of 40 prompts of `llama`" in told
    assert "OLLAMA_CONTEXT_LENGTH" in told
    assert not any("Prompts cut" in getattr(block, "text", "") for block in sections(one)[0].blocks)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"model": "item-knn"}, "`knn` ranks the whole catalogue for 1,000 users"),
        ({"union": ["nfm", "als"]}, "The lists of 1,000 users take those of `nfm`, `als` in turn."),
        ({"lists": "a.csv"}, "another recommender's, `knn-lists`, and were taken as they came."),
    ],
)
def test_the_report_says_who_made_the_lists_and_who_was_drawn(entry: dict, told: str) -> None:
    settings = study().settings | {
        "recommenders": ["knn", "nfm"],
        "recommender_settings": {"knn": entry},
    }
    metrics = score_rankings(
        rankings(),
        SUBSET,
        Scoring(bootstrap_samples=200),
        dataset="microlens-100k",
        seed=1,
        recommender="knn-lists",
    )
    one = study(methods=methods(recommender="knn-lists"), metrics=metrics, settings=settings)
    text = str(sections(one))
    assert told in text
    assert "for whom the top 20 of at least one of 2 recommenders held the item" in text
    assert over_all_users(one) == []
