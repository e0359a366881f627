"""Published figures beside ours: what may be compared; sameness is that of two samples."""

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_up import as_rankings, made_up_subset, shuffled
from microrank.evaluation.metrics import METRICS
from microrank.evaluation.recommender import ListQuality
from microrank.evaluation.score import score_rankings
from microrank.evaluation.seeds import compare_seeds
from microrank.evaluation.settings import Scoring
from microrank.report.claims import Claim, Figure, Protocol, read_claims
from microrank.report.comparisons import compare
from microrank.report.published import figures_table, published_figures

CLAIMS = Path(__file__).parents[2] / "resources/claims"
OURS = {"HR@5": 0.01747, "HR@10": 0.02939, "HR@20": 0.04618, "NDCG@10": 0.0151, "NDCG@20": 0.0192}
HIT_USERS = Protocol("microlens-100k", "nfm", "hits", "top", 20)
ALL_USERS = Protocol("microlens-100k", "nfm", "all", "catalogue")


def claim(hits=(38, 64), n=100, protocol=HIT_USERS, **changes) -> Claim:
    figures = tuple(Figure("hits", *one) for one in zip((5, 10), hits, strict=True))
    told = {"kind": "recommender", "figures": figures} | changes
    return Claim("a paper", "https://example.org", protocol, n, "theirs", **told)


def verdict(study, one: Claim, method="nfm") -> str:
    return " ".join(str(compare(study, one, figure, method)) for figure in one.figures)


def with_hits(study, method: str, hits: dict[int, int], n: int):
    """The study of n users in which the method has so many hits."""
    rows = study.metrics.to_pylist()
    for row in rows:
        if row["method"] == method and row["metric"] == "hits" and row["cutoff"] in hits:
            row["value"] = float(hits[row["cutoff"]])
    metrics = type(study.metrics).from_pylist(rows, schema=METRICS)
    return dataclasses.replace(
        study, metrics=metrics, diagnostics=dataclasses.replace(study.diagnostics, n_users=n)
    )


def changed(study, **settings):
    return dataclasses.replace(study, settings={**study.settings, **settings})


def with_claims(study, claims):
    return dataclasses.replace(study, claims=claims)


def repeated(study, values: list[float]):
    """The study, repeated so that HR@10 over all users took these values; others follow it."""
    rates = [
        {
            "all_users": {"n_users": 1000}
            | {name: one / 0.02939 * value for name, value in OURS.items()}
        }
        for one in values
    ]
    return dataclasses.replace(
        study,
        seeds=compare_seeds([study.metrics] * len(values), rates),
        nfm=dataclasses.replace(study.nfm, all_users=ListQuality.from_json(rates[0]["all_users"])),
    )


def rows_of(study, source: str) -> list[list[str]]:
    return [row for row in figures_table(study, list(study.claims)).rows if row[0] == source]


@pytest.fixture
def study(made):
    return with_claims(made.study(), read_claims([CLAIMS / "study.yaml"]))


def test_the_studys_figures_are_those_that_its_text_gives() -> None:
    claims = read_claims([CLAIMS / "study.yaml"])
    told = {one.method: [figure.value for figure in one.figures] for one in claims[:3]}
    assert told == {
        "NFM": [38, 64],
        "e5-small-v2": [32, 56],
        "Meta-Llama-3-8B-Instruct": [29, 49],
    }
    assert [figure.value for figure in claims[3].figures] == [0.01747, 0.02939, 0.04618]
    assert [one.n for one in claims] == [100, 100, 100, 100000]


def test_each_published_figure_stands_beside_ours(study) -> None:
    rows = rows_of(study, "the study")
    assert [[*row[1:5], row[7]] for row in rows[:2]] == [
        ["NFM", "NFM", "Hits@5", "38 of 100", "compatible"],
        ["NFM", "NFM", "Hits@10", "64 of 100", "compatible"],
    ]
    assert rows[2][2:] == [*("–", "Hits@5", "32 of 100"), *("–", "–"), rows[2][7]]
    assert rows[2][7] == "not comparable: not run here"
    assert rows[4][1:3] == ["Meta-Llama-3-8B-Instruct", "llama"]


def test_models_are_told_apart_by_name_and_settings(made, study) -> None:
    (_, _, llama, _) = study.claims
    other = dataclasses.replace(llama, settings={"prompt": "numbered"})
    unnamed = dataclasses.replace(llama, model="")
    table = figures_table(study, [other, unnamed])
    assert {row[7] for row in table.rows} == {"not comparable: not run here"}


SAMENESS = [
    ((38, 64), "compatible compatible"),
    ((50, 70), "compatible compatible"),
    ((60, 64), "differs compatible"),
    ((5, 20), "differs differs"),
]


@pytest.mark.parametrize(("hits", "expected"), SAMENESS)
def test_sameness_is_judged_by_the_interval_of_the_difference(made, hits, expected) -> None:
    ours = with_hits(made.study(), "nfm", dict(zip((5, 10), hits, strict=True)), 100)
    assert verdict(ours, claim()) == expected


def test_a_rate_of_users_is_judged_as_the_hits_that_it_means(made) -> None:
    rate = claim(figures=(Figure("hr", 5, 0.38), Figure("hr", 10, 0.64)))
    for hits in ({5: 50, 10: 70}, {5: 60, 10: 64}, {5: 5, 10: 20}):
        ours = with_hits(made.study(), "nfm", hits, 100)
        assert verdict(ours, rate) == verdict(ours, claim())


@pytest.mark.parametrize("n", [100, 2000])
def test_studies_with_the_same_true_rates_are_said_to_differ_at_about_the_level(made, n) -> None:
    """The published study is itself a draw of 100 users; as the truth, 28 % and 86 % differed."""
    random = np.random.default_rng(1)
    study, differ, studies = made.study(), 0, 600
    rows = {row.cutoff: row for row in study.rows if (row.method, row.metric) == ("nfm", "hits")}
    for _ in range(studies):
        theirs, ours = (
            np.cumsum(random.multinomial(size, [0.38, 0.26, 0.36]))[:2].tolist()
            for size in (100, n)
        )
        of_n = dataclasses.replace(
            study, diagnostics=dataclasses.replace(study.diagnostics, n_users=n)
        )
        of_n.__dict__["rows"] = [  # what is cached of the table
            dataclasses.replace(rows[cutoff], value=value)
            for cutoff, value in zip((5, 10), ours, strict=True)
        ]
        differ += "differs" in verdict(of_n, claim(theirs))
    assert differ / studies == pytest.approx(0.05, abs=0.025)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"dataset": "microlens-50k"}, "other data"),
        ({"synthetic": True}, "other data"),
        ({"subset": {"population": "users"}}, "users drawn from all"),
        ({"nfm": {"dimension": 64}}, "other recipe (dimension)"),
    ],
)
def test_other_data_users_and_recipes_are_not_comparable(study, settings, reason) -> None:
    merged = {
        key: {**study.settings[key], **value} if isinstance(value, dict) else value
        for key, value in settings.items()
    }
    ours = changed(study, **merged)
    assert verdict(ours, study.claims[0]).startswith(f"not comparable: {reason}")


@pytest.mark.parametrize(
    ("protocol", "reason"),
    [
        ({"recommender": "dssm"}, "other recommender"),
        ({"users": "drawn"}, "users with a hit alone"),
        ({"candidates": "random"}, "candidates drawn at random"),
        ({"candidates": "several"}, "candidates of several recommenders"),
        ({"candidates": "catalogue"}, "the whole catalogue ranked"),
        ({"length": 10}, "lists of 20"),
    ],
)
def test_another_protocol_is_not_comparable_and_says_why(made, protocol, reason) -> None:
    other = claim(protocol=dataclasses.replace(HIT_USERS, **protocol))
    assert verdict(made.study(), other) == " ".join([f"not comparable: {reason}"] * 2)


def test_a_claim_that_hides_how_many_users_it_is_about_is_not_comparable(made) -> None:
    reason = "not comparable: of how many users is not told"
    assert verdict(made.study(), claim(n=None)) == f"{reason} {reason}"
    ndcg = claim(figures=(Figure("ndcg", 10, 0.4),))
    assert verdict(made.study(), ndcg) == "not comparable: a mean without its spread"


@pytest.mark.parametrize("k", [2, 7, 12])
def test_lists_of_another_length_are_not_comparable_and_break_nothing(study, k) -> None:
    truth = np.arange(40) % k + 1
    subset = made_up_subset(truth, k=k)
    rankings = {
        name: as_rankings(subset, shuffled(40, np.random.default_rng(1), k)) for name in study.names
    }
    metrics = score_rankings(
        rankings, subset, Scoring(bootstrap_samples=100), dataset="microlens-100k", seed=1
    )
    short = dataclasses.replace(
        study, metrics=metrics, diagnostics=dataclasses.replace(study.diagnostics, k=k)
    )
    assert verdict(short, study.claims[0]).startswith(f"not comparable: lists of {k}")
    assert all(cutoff < k for cutoff in short.main_cutoffs)
    few = dataclasses.replace(
        short, nfm=dataclasses.replace(short.nfm, all_users=ListQuality(1000, {}))
    )
    table, line = published_figures(few)
    assert {row[7] for row in table.rows} == {"not comparable: not measured here"}
    assert line.text.endswith(f": lists of {k} (the study).")


def test_rates_over_all_users_of_one_run_are_not_judged(study) -> None:
    rows = rows_of(study, "the study")[-3:]
    assert [row[4] for row in rows] == ["0.01747", "0.02939", "0.04618"]
    assert rows[0][5:] == ["0.01700", "–", "not comparable: one run here"]
    assert "how far it strays from seed to seed is not known" in figures_table(study, []).caption


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.029, 0.031, 0.028], "compatible"), ([0.0190, 0.0195, 0.0192], "differs")],
)
def test_rates_over_all_users_are_judged_by_the_spread_over_seeds(study, values, expected) -> None:
    row = rows_of(repeated(study, values), "the study")[-2]
    assert row[7] == expected
    assert row[5] == f"{np.mean(values):.5f} ± {np.std(values, ddof=1):.5f} (3 runs)"


def test_runs_of_the_same_recommender_are_said_to_differ_at_the_level(made) -> None:
    random = np.random.default_rng(2)
    study = made.study(
        metrics=pa.Table.from_pylist(made.study().metrics.to_pylist()[:1], schema=METRICS)
    )
    rate, spread = claim(protocol=ALL_USERS, figures=(Figure("hr", 10, 0.02939),)), 0.0005
    differ = 0
    for _ in range(800):
        runs = (random.normal(0.02939, spread, 3) + random.normal(0, spread)).tolist()
        differ += verdict(repeated(study, runs), rate) == "differs"
    assert differ / 800 == pytest.approx(0.05, abs=0.025)


def test_what_compares_with_nothing_takes_one_line_with_every_source_and_reason(made) -> None:
    claims = read_claims(sorted(CLAIMS.glob("*.yaml")))
    (line,) = published_figures(with_claims(changed(made.study(), dataset="shop"), claims))
    assert "\n" not in line.text
    assert len({one.source for one in claims}) >= 6
    for source in {one.source for one in claims}:
        assert source in line.text
    assert line.text.startswith(f"No figure here compares with any of the {_number(claims)} pub")
    table, line = published_figures(with_claims(made.study(), claims))
    assert {row[0] for row in table.rows} == {"the study", "the MicroLens paper"}
    assert "other recommender (CSE576 Reranker, the MicroLens paper)" in line.text


def _number(claims: list[Claim]) -> int:
    return sum(len(one.figures) for one in claims)


def test_without_any_file_the_report_says_where_one_would_lie(made) -> None:
    (line,) = published_figures(made.study())
    assert "resources/claims" in line.text
