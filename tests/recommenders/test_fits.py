"""Each recommender against a slow oracle, or a right answer that is known."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from microrank.errors import StudyError
from microrank.recommenders import als, bpr, ease, item_knn, popularity, sasrec
from microrank.recommenders.grids import GRIDS, settings_tried
from microrank.recommenders.registry import FITS
from microrank.recommenders.sasrec_model import LENGTH, SASRec
from recommenders.made_up_histories import checkerboard, interactions, random_histories

SEEDS = st.integers(0, 1000)


def all_scores(fitted, n_users: int) -> np.ndarray:
    return np.asarray(fitted.scores(np.arange(n_users)))


def test_every_recommender_of_the_grids_can_be_fitted_and_no_other() -> None:
    assert set(FITS) == set(GRIDS)


def test_a_fixed_setting_holds_in_every_trial_and_none_is_tried_twice() -> None:
    tried = settings_tried("item-knn", {"decay": 0.0, "b": 0.5}, 10)
    assert all((one["decay"], one["b"]) == (0.0, 0.5) for one in tried)
    assert [one["neighbours"] for one in tried] == [200, 50, 1000]
    assert len(settings_tried("item-knn", {}, 4)) == 4


def test_popularity_scores_every_item_by_how_often_it_was_taken() -> None:
    data = interactions([[1, 2], [2, 3], [2]], 4)
    assert all_scores(popularity.fit(data, {}, 0), 3)[:, 1:].tolist() == [[1, 3, 1, 0]] * 3


def slow_item_knn(
    histories: list[list[int]], n: int, neighbours: int, b: float, decay: float
) -> np.ndarray:
    """The docstring's formulas, one pair of items at a time."""
    takers = {
        i: {u for u, history in enumerate(histories) if i in history} for i in range(1, n + 1)
    }
    mean = sum(map(len, takers.values())) / n

    def weight(item: int, user: int) -> float:
        if user not in takers[item]:
            return 0.0
        length = 1 - b + b * len(takers[item]) / mean
        return math.log(n / (1 + len(histories[user]))) * 2.2 / (1 + 1.2 * length)

    scores = np.zeros((len(histories), n + 1))
    for seen in range(1, n + 1):
        similar = {
            other: sum(weight(seen, u) * weight(other, u) for u in range(len(histories)))
            for other in range(1, n + 1)
            if other != seen and takers[seen] & takers[other]
        }
        nearest = sorted(similar, key=lambda other: (-similar[other], other))[:neighbours]
        for user, history in enumerate(histories):
            if seen in history:
                age = len(history) - 1 - history.index(seen)
                for other in nearest:
                    scores[user, other] += math.exp(-decay * age) * similar[other]
    return scores


@given(seed=SEEDS, b=st.sampled_from([0.0, 0.5, 1.0]), decay=st.sampled_from([0.0, 0.7]))
def test_item_knn_is_the_sum_of_bm25_similarities_that_a_slow_oracle_finds(
    seed: int, b: float, decay: float
) -> None:
    histories = random_histories(seed)
    setting = {"neighbours": 9, "b": b, "decay": decay}
    found = all_scores(item_knn.fit(interactions(histories, 9), setting, 0), len(histories))
    expected = slow_item_knn(histories, 9, 9, b, decay)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_item_knn_keeps_the_nearest_items_alone() -> None:
    histories = [[1, 2], [1, 2], [1, 2], [1, 3], [4, 5, 6], [1]]
    setting = {"neighbours": 1, "b": 0.0, "decay": 0.0}
    found = all_scores(item_knn.fit(interactions(histories, 6), setting, 0), 6)[5]
    expected = slow_item_knn(histories, 6, 1, 0.0, 0.0)[5]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert np.flatnonzero(found).tolist() == [2], "of item 1 the nearest is 2"


def slow_ease(histories: list[list[int]], n: int, regularization: float) -> np.ndarray:
    """Each item's column by least squares without itself: what the closed form solves."""
    taken = np.zeros((len(histories), n))
    for user, history in enumerate(histories):
        taken[user, np.array(history) - 1] = 1
    scores = np.zeros((len(histories), n + 1))
    for item in range(n):
        others = [other for other in range(n) if other != item]
        gram = taken[:, others].T @ taken[:, others] + regularization * np.eye(n - 1)
        scores[:, item + 1] = taken[:, others] @ np.linalg.solve(
            gram, taken[:, others].T @ taken[:, item]
        )
    return scores


@given(seed=SEEDS, regularization=st.sampled_from([0.5, 10.0]))
def test_ease_is_ridge_regression_of_each_item_on_all_others(
    seed: int, regularization: float
) -> None:
    histories = random_histories(seed)
    setting = {"regularization": regularization, "most_gb": None}
    found = all_scores(ease.fit(interactions(histories, 9), setting, 0), len(histories))
    np.testing.assert_allclose(found, slow_ease(histories, 9, regularization), atol=1e-4)


def test_ease_refuses_a_catalogue_that_does_not_fit_in_one_line() -> None:
    with pytest.raises(
        StudyError, match=r"300,000 × 300,000 items, which takes 1,080\.0 GB"
    ) as told:
        ease.check_memory(300_000, 8.0)
    assert "raise most_gb" in str(told.value)
    assert "\n" not in str(told.value)
    ease.check_memory(1000, None)


@pytest.mark.parametrize("module", [als, bpr], ids=["als", "bpr"])
def test_a_factorisation_finds_the_missing_item_of_a_checkerboard(module) -> None:
    pytest.importorskip("implicit", reason="implicit is not installed")
    histories = checkerboard(20, 10)
    setting = {
        als: {"factors": 3, "regularization": 0.01, "alpha": 2.0, "iterations": 15},
        bpr: {"factors": 3, "regularization": 0.01, "learning_rate": 0.1, "iterations": 300},
    }[module]
    found = all_scores(module.fit(interactions(histories, 10), setting, 1), 20)
    for user in range(10):
        left = [item for item in range(1, 11) if item not in histories[user]]
        assert max(left, key=lambda item: found[user, item]) % 2 == user % 2
    again = all_scores(module.fit(interactions(histories, 10), setting, 1), 20)
    assert np.array_equal(found, again)


@pytest.mark.parametrize("module", [als, bpr], ids=["als", "bpr"])
def test_without_implicit_one_line_says_what_to_install(
    module, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("implicit", "implicit.als", "implicit.bpr"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(StudyError, match="needs the package implicit") as told:
        module.fit(interactions([[1, 2]], 3), {}, 1)
    assert "pip install --constraint requirements.txt implicit" in str(told.value)


def slow_sasrec(model: SASRec, history: list[int]) -> np.ndarray:
    """The state after the newest item, one position and one number at a time."""
    weights = {name: value.detach().double().numpy() for name, value in model.state_dict().items()}
    padded = [0] * (LENGTH - len(history)) + history
    x = [weights["items.weight"][item] + weights["positions"][p] for p, item in enumerate(padded)]
    size = len(x[0])

    def norm(vector: np.ndarray, name: str) -> np.ndarray:
        centred = vector - vector.mean()
        scaled = centred / math.sqrt((centred**2).mean() + 1e-5)
        return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def linear(
        vector: np.ndarray, name: str, rows: slice = slice(None), end: str = "_"
    ) -> np.ndarray:
        weight, bias = (
            (f"{name}.weight", f"{name}.bias") if end == "." else (f"{name}_weight", f"{name}_bias")
        )
        return weights[weight][rows] @ vector + weights[bias][rows]

    for layer in range(len(model.layers.layers)):
        name, parts = f"layers.layers.{layer}", [slice(i * size, (i + 1) * size) for i in range(3)]
        normed = [norm(vector, f"{name}.norm1") for vector in x]
        q, k, v = (
            [linear(vector, f"{name}.self_attn.in_proj", part) for vector in normed]
            for part in parts
        )
        attended = []
        for p in range(LENGTH):
            seen = [o for o in range(p + 1) if padded[o] or o == p]
            likely = np.exp([q[p] @ k[o] / math.sqrt(size) for o in seen])
            mixed = sum(share * v[o] for share, o in zip(likely / likely.sum(), seen, strict=True))
            attended.append(x[p] + linear(mixed, f"{name}.self_attn.out_proj", end="."))
        x = []
        for vector in attended:
            hidden = np.maximum(
                linear(norm(vector, f"{name}.norm2"), f"{name}.linear1", end="."), 0
            )
            x.append(vector + linear(hidden, f"{name}.linear2", end="."))
    return norm(x[-1], "norm")


@pytest.mark.parametrize("history", [[3], [1, 5, 2], list(range(1, 11))])
def test_sasrecs_scores_are_those_of_a_slow_oracle(history: list[int]) -> None:
    torch.manual_seed(5)
    model = SASRec(12, dimension=4, layers=2, dropout=0.5).eval()
    with torch.no_grad():
        model.positions.normal_()
        padded = torch.tensor([[0] * (LENGTH - len(history)) + history])
        states = model(padded)[0, -1].double().numpy()
    np.testing.assert_allclose(states, slow_sasrec(model, history), atol=1e-5)


def test_sasrecs_loss_is_a_softmax_without_the_users_own_items() -> None:
    """One user, two examples: each over targets and drawn items, weighed by count over share."""
    torch.manual_seed(1)
    model = SASRec(6, dimension=4, layers=1, dropout=0.0).eval()
    rows = np.zeros((1, LENGTH + 1), np.int64)
    rows[0, -3:] = [1, 2, 3]
    drawn, share = np.array([4, 5, 5, 2]), np.array([0, 0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
    losses = []
    for place, target in ((-2, 2), (-1, 3)):
        inputs = np.zeros((1, LENGTH), np.int64)
        inputs[0] = rows[0, :-1]
        with torch.no_grad():
            state = model(torch.from_numpy(inputs))[0, place]
            logits = {
                item: float(state @ model.items.weight[item]) + math.log(count / share[item])
                for item, count in {target: 1, 4: 1, 5: 2}.items()
            }
        losses.append(math.log(sum(map(math.exp, logits.values()))) - logits[target])
    found = sasrec.batch_loss(model, rows, drawn, share)
    assert float(found.detach()) == pytest.approx(np.mean(losses), abs=1e-5)


SMALL_SASREC = {"dimension": 16, "layers": 1, "dropout": 0.0, "learning_rate": 0.02}


def test_sasrec_learns_which_item_follows_and_the_same_seed_gives_the_same_scores() -> None:
    torch.set_num_threads(1)
    cycle = [[1 + (start + step) % 12 for step in range(6)] for start in range(12)] * 4
    data = interactions(cycle, 12)
    setting = {**SMALL_SASREC, "max_epochs": 30}
    judged = []
    fitted = sasrec.fit(data, setting, 3, lambda scores: float(judged.append(1) or len(judged)))
    scores = all_scores(fitted, len(cycle)).copy()
    scores[data.histories.seen(np.arange(len(cycle)))] = -np.inf
    assert (scores[:, 1:].argmax(axis=1) + 1).tolist() == [
        1 + history[-1] % 12 for history in cycle
    ]
    assert fitted.curve == tuple(range(1, 31))
    again = sasrec.fit(data, setting, 3)
    assert again.curve == ()
    assert np.array_equal(all_scores(fitted, 48), all_scores(again, 48))


def test_sasrec_ends_after_the_epochs_that_it_is_told() -> None:
    data = interactions([[1, 2, 3]] * 4, 4)
    setting = {**SMALL_SASREC, "max_epochs": 9, "epochs": 2}
    assert len(sasrec.fit(data, setting, 1, lambda scores: 0.0).curve) == 2


def test_sasrec_says_where_nobody_has_two_items() -> None:
    with pytest.raises(StudyError, match="nobody has two items"):
        sasrec.fit(interactions([[1], [2]], 3), {**SMALL_SASREC, "max_epochs": 1}, 1)
