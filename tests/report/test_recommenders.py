"""The page of several recommenders: its first line in planted cases, and what it warns of."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from made_up import as_rankings, made_up_subset, perfect, unchanged
from microrank import tables
from microrank.evaluation.compare_recommenders import Reranked, compare_recommenders
from microrank.evaluation.diagnose import diagnose_rankings
from microrank.evaluation.recommender import evaluate_nfm
from microrank.evaluation.score import score_rankings
from microrank.evaluation.settings import Scoring
from microrank.methods import Methods
from microrank.recommenders.trials import Trial, Trials
from microrank.report.recommenders.answer import answer
from microrank.report.recommenders.compared import Compared, Cost
from microrank.report.recommenders.costs import cost_of
from microrank.report.recommenders.page import write_recommenders
from microrank.report.study import Study
from microrank.report.trainings import nfm_at_limit, trials_at_limit

K = 20
SCORING = Scoring(bootstrap_samples=100)
RERANKERS = {"model": {"llm": "real", "prompt": "study"}, "chance": {"reference": "random"}}
POPULAR = 7  # the item that everybody took before


def methods(recommender: str, names: list[str]) -> Methods:
    config = {
        "dataset": "d",
        "datasets": {"d": {}},
        "llms": {"real": {"adapter": "openai-chat"}},
        "rerankers": RERANKERS,
        "methods": names,
    }
    return Methods.from_config(config, recommender)


def splits_of(subset: pa.Table) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Past, test and items: everybody took one item before, and no listed item was taken."""
    users, truth = subset["user_id"].to_numpy(), subset["ground_truth"].to_numpy()
    past = pa.table(
        [users, np.full(len(users), POPULAR), np.zeros(len(users))], names=tables.SPLIT.names
    )
    test = pa.table([users, truth, np.ones(len(users))], names=tables.SPLIT.names)
    listed = subset["candidates"].combine_chunks().flatten().to_numpy()
    ids = np.unique([POPULAR, *listed, *truth, *(users * 100 + 50), *(users * 100 + 51)])
    ids = np.unique([*ids, *(users * 100 + 52)])
    columns = [ids, np.arange(1, len(ids) + 1), ["a title"] * len(ids), np.ones(len(ids))]
    items = pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS)
    return past.cast(tables.SPLIT), test.cast(tables.SPLIT), items


def compared(
    truth_ranks: np.ndarray,
    moved: dict[str, np.ndarray],
    *,
    names: tuple[str, ...] = ("model", "chance"),
    **changes: object,
) -> Compared:
    """Recommenders with the same lists: a method moves the held-out item of whoever is `moved`."""
    subset = made_up_subset(truth_ranks, K)
    past, test, items = splits_of(subset)
    n = len(truth_ranks)
    lists = np.array(subset["candidates"].to_pylist())
    columns = [subset["user_id"].to_numpy().repeat(K), np.tile(np.arange(1, K + 1), n)]
    recommendations = pa.table(
        [*columns, lists.ravel(), np.zeros(n * K)], names=tables.RECOMMENDATIONS.names
    ).cast(tables.RECOMMENDATIONS)
    studies, reranked = {}, {}
    for recommender, is_moved in moved.items():
        first = np.where(is_moved[:, None], perfect(truth_ranks), unchanged(n))
        last = np.where((is_moved == -1)[:, None], perfect(truth_ranks)[:, ::-1], first)
        orders = {"model": last, "chance": unchanged(n)}
        rankings = {name: as_rankings(subset, orders[name]) for name in names}
        reranked[recommender] = Reranked(recommendations, subset, rankings)
        of_methods = methods(recommender, list(names))
        primary = [method.name for method in of_methods.shown if method.rests_on_llm]
        studies[recommender] = Study(
            metrics=score_rankings(
                rankings,
                subset,
                SCORING,
                dataset="d",
                seed=1,
                recommender=of_methods.recommender.name,
                primary=primary,
            ),
            diagnostics=diagnose_rankings(rankings, subset, items, {}),
            methods=of_methods,
            nfm=evaluate_nfm(recommendations, test, [past], [past]),
            counts={},
            settings={"subset": {"population": "hits"}, "recommenders": list(moved)},
            versions={},
        )
    comparison = compare_recommenders(
        reranked, [past], test, items, SCORING, primary=["model"], seed=1
    )
    given = {
        "name": "planted",
        "studies": studies,
        "comparison": comparison,
        "trials": {},
        "at_limit": [],
        "costs": {"nfm": Cost(12.0, None)},
        "popular": [],
        "unions": {},
        "is_synthetic": False,
        "hits_only": True,
    }
    return Compared(**{**given, **changes})


def ranks_of(n: int) -> np.ndarray:
    """Half of the held-out items are among the first 10, mostly in front."""
    return np.tile([1, 2, 3, 5, 11, 14, 17, 20], n // 8)


def every(n: int, step: int, first: int = 4) -> np.ndarray:
    """Each `step`-th user, whose held-out item stands below the first 10."""
    return (np.arange(n) % step == first).astype(int)


def test_a_model_that_gains_on_one_list_and_loses_on_the_other_depends_on_the_recommender() -> None:
    n = 160
    ranks = ranks_of(n)
    helped, hurt = (ranks > 10).astype(int), -(ranks <= 10).astype(int)
    page = write_recommenders(compared(ranks, {"nfm": helped, "item-knn": hurt}))
    first = page.split("\n\n")[1]
    assert first.startswith("**Yes, the answer depends on the recommender:** `model` gains +50.0 %")
    assert "−50.0 % of users on the lists of NFM and `item-knn` (difference +100.0 %" in first
    assert "p < 0.001 after correction" in first
    assert "| `model` | 160 (+80): better | 0 (−80): worse |" in page
    assert "| the list itself | 80 of 160 | 80 of 160 |" in page


def test_the_same_small_gain_of_many_users_does_not_depend_on_the_recommender() -> None:
    n = 1600
    gains = {"nfm": every(n, 40), "item-knn": every(n, 40, 12), "sasrec": every(n, 40, 20)}
    first = answer(compared(ranks_of(n), gains))
    assert first.startswith("**No, the answer does not depend on the recommender:**")
    assert "differs by less than 5% of users" in first


def test_few_users_cannot_tell_even_where_the_verdicts_differ() -> None:
    ranks = ranks_of(80)
    one = compared(ranks, {"nfm": every(80, 8), "item-knn": every(80, 16)})
    first = answer(one)
    assert first.startswith("**These numbers cannot tell whether the answer depends on the")
    assert "not every method is shown to gain the same to within 5% of users" in first
    assert "Verdicts that differ below are no proof that it does" in first
    assert "All rows are of the same users, all 80 users for whom at least one list holds" in first
    page = write_recommenders(one)
    assert "| `model` | 50 (+10): better | 45 (+5): cannot tell |" in page


def test_a_difference_below_the_margin_is_said_to_be_one() -> None:
    ranks = ranks_of(1600)
    first = answer(compared(ranks, {"nfm": every(1600, 80), "item-knn": 0 * ranks}))
    assert first.startswith("**Yes, the answer depends on the recommender, but by less than 5%")


def test_without_a_language_model_the_line_is_about_the_others_and_says_so() -> None:
    ranks = ranks_of(80)
    moved = {"nfm": every(80, 8), "item-knn": 0 * ranks}
    first = answer(compared(ranks, moved, names=("chance",)))
    assert first.startswith("No language model was asked; of the other methods: **These numbers")


def test_one_recommender_alone_is_no_comparison() -> None:
    ranks = ranks_of(80)
    page = write_recommenders(compared(ranks, {"nfm": 0 * ranks}))
    assert "There is one recommender only, so nothing is compared" in page
    assert "By group of users" not in page


def test_lists_that_beat_neither_popularity_nor_a_shuffle_are_named_in_the_first_paragraph() -> (
    None
):
    """The popular item is in nobody's list, so a list without any hit does not beat it."""
    n = 80
    weak = np.tile(np.arange(1, 21), n // 20)
    weak[4:] = 0
    first = answer(compared(weak, {"nfm": 0 * weak, "item-knn": 0 * weak}))
    assert "**Not shown to hit more often than the most popular items, after" in first
    assert "several recommenders: NFM, `item-knn`.**" in first
    assert "not shown to be better than a shuffle of the same lists: NFM, `item-knn`.**" in first
    strong = np.ones(n, int)
    first = answer(compared(strong, {"nfm": 0 * strong, "item-knn": 0 * strong}))
    assert "Not shown" not in first
    assert "not shown to be better than a shuffle" not in first


def test_popularity_itself_is_not_said_to_be_no_better_than_popularity() -> None:
    weak = np.zeros(40, int)
    weak[:2] = 3
    moved = {"nfm": 0 * weak, "popularity": 0 * weak}
    first = answer(compared(weak, moved, popular=["popularity"]))
    assert "several recommenders: NFM.**" in first


def test_a_training_that_ended_while_improving_names_the_setting_to_raise() -> None:
    [told] = nfm_at_limit([0.1, 0.2, 0.3], "sampled", 3)
    assert "raise `nfm.recipes.sampled.max_half_epochs`" in told
    assert "its limit of 3 half epochs" in told
    assert nfm_at_limit([0.1, 0.3, 0.2], "sampled", 3) == []
    assert nfm_at_limit([0.1, 0.2], "sampled", 3) == []
    trials = {
        "sasrec": Trials(9, (Trial({}, 0.3, (0.1, 0.3)), Trial({}, 0.2, (0.2, 0.1)))),
        "knn": Trials(9, (Trial({}, 0.3),)),
    }
    [told] = trials_at_limit(trials)
    assert "raise `recommender_settings.sasrec.max_epochs`" in told
    ranks = ranks_of(80)
    assert told in answer(compared(ranks, {"nfm": 0 * ranks, "sasrec": 0 * ranks}, at_limit=[told]))


def test_a_union_names_its_parts_and_its_ceiling() -> None:
    ranks = np.tile([1, 0], 40)
    moved = {"nfm": 0 * ranks, "item-knn": 0 * ranks, "pool": 0 * ranks}
    page = write_recommenders(compared(ranks, moved, unions={"pool": ["nfm", "item-knn"]}))
    assert "It holds that item for 40 of 80 users (50.00%): no order of the pool can" in page
    assert "Its parts hold it for 40 (NFM), 40 (`item-knn`)" in page


def test_a_method_whose_answers_say_nothing_is_left_out_of_the_first_line(made) -> None:
    ranks = ranks_of(160)
    helped, hurt = (ranks > 10).astype(int), -(ranks <= 10).astype(int)
    one = compared(ranks, {"nfm": helped, "item-knn": hurt})
    counts = made.study().diagnostics.asked["llama"]
    unread = dataclasses.replace(
        counts, counts=dataclasses.replace(counts.counts, unread=counts.counts.answers)
    )
    first = next(iter(one.studies.values()))
    asked = dataclasses.replace(first.diagnostics, asked={"model": unread})
    studies = {**one.studies, "nfm": dataclasses.replace(first, diagnostics=asked)}
    told = answer(dataclasses.replace(one, studies=studies))
    assert "`model` gains" not in told


def test_costs_are_summed_and_what_was_not_measured_is_left_open(tmp_path: Path) -> None:
    one, other = tmp_path / "a.tsv", tmp_path / "b.tsv"
    one.write_text("s\tmax_rss\n10.5\t200.0\n")
    other.write_text("s\tmax_rss\n2.0\tNA\n")
    assert cost_of([one, other, tmp_path / "absent.tsv"]) == Cost(12.5, 200.0)
    assert cost_of([other]) == Cost(2.0, None)
    assert cost_of([tmp_path / "absent.tsv"]) is None


@pytest.mark.parametrize("is_synthetic", [True, False])
def test_every_table_is_whole_and_made_up_data_are_called_so(is_synthetic: bool) -> None:
    ranks = ranks_of(80)
    moved = {"nfm": every(80, 8), "item-knn": 0 * ranks, "sasrec": 0 * ranks}
    page = write_recommenders(compared(ranks, moved, is_synthetic=is_synthetic))
    assert ("**The data are made up.**" in page) == is_synthetic
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1
    assert "| NFM − `item-knn` |" in page
    assert "the exact McNemar test" in page
    assert "It assumes that users are independent" in page
