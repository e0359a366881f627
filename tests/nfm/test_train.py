"""Training learns what is there, survives a kill, and leaves checkpoints that are whole."""

import json
import os
import signal
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
import yaml
from microrank import tables
from microrank.errors import StudyError
from microrank.nfm import device as device_module
from microrank.nfm.checkpoint import load_model, save_model, tensors_of
from microrank.nfm.chunks import Chunks
from microrank.nfm.device import choose_device
from microrank.nfm.histories import Histories
from microrank.nfm.model import NFM
from microrank.nfm.progress import load_progress
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.settings import Recipe
from microrank.nfm.train import refit_nfm, train_nfm
from microrank.nfm.training_run import Trained
from nfm.toy_models import random_model
from safetensors import safe_open
from safetensors.torch import save as save_tensors
from safetensors.torch import save_file

RECIPE = Recipe(
    dimension=8,
    hidden=8,
    relu_on_score=False,
    batch_size=32,
    batch_candidates="targets",
    extra_candidates=16,
    learning_rate=0.01,
    weight_decay=0.01,
    linear_decay=True,
    input_dropout=0.1,
    weights_average=0.9,
    chunk_length=11,
    history_length=10,
    max_half_epochs=6,
    patience=6,
    valid_users=1000,
    refit=True,
)
GROUPS, PER_GROUP = 4, 10


def two_worlds() -> tuple[pa.Table, pa.Table, pa.Table, np.ndarray]:
    """Users who only ever interact with items of their own group.

    Returns:
        Tables train, valid, items, and each user's group.
    """
    random = np.random.default_rng(0)
    groups = np.arange(240) % GROUPS
    lists = np.stack([100 * (group + 1) + random.permutation(PER_GROUP)[:7] for group in groups])

    def split(columns: np.ndarray, first: int) -> pa.Table:
        n, width = columns.shape
        rows = {
            "user_id": np.repeat(np.arange(n), width),
            "item_id": columns.ravel(),
            "position": np.tile(first + np.arange(width), n),
        }
        return pa.table(rows).cast(tables.SPLIT)

    ids = np.concatenate([100 * (group + 1) + np.arange(PER_GROUP) for group in range(GROUPS)])
    counts = [(lists[:, :6] == item).sum() for item in ids]
    items = pa.table(
        [ids, np.arange(1, len(ids) + 1), [""] * len(ids), counts], names=tables.ITEMS.names
    ).cast(tables.ITEMS)
    return split(lists[:, :6], 0), split(lists[:, 6:], 6), items, groups


@pytest.fixture(scope="module")
def trained() -> Trained:
    torch.set_num_threads(1)
    return train_nfm(*two_worlds()[:3], RECIPE, 1)


def test_lists_hold_the_users_own_group(trained: Trained) -> None:
    train, valid, items, groups = two_worlds()
    lists = recommend_top_k(trained.model, [train, valid], items, 3, history_length=10)
    is_of_own_group = lists["item_id"].to_numpy() // 100 - 1 == np.repeat(groups, 3)
    assert is_of_own_group.mean() > 0.95


def test_loss_falls_and_the_best_half_epochs_model_is_kept(trained: Trained) -> None:
    losses = [row.loss for row in trained.curve]
    scores = [row.valid_ndcg for row in trained.curve]
    assert losses[-1] < losses[0]
    assert max(scores) > 0.2
    assert not trained.model.training


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not(
    trained: Trained, tmp_path: Path
) -> None:
    again, other = (train_nfm(*two_worlds()[:3], RECIPE, seed) for seed in (1, 2))
    for name, training in (("a", trained), ("b", again), ("c", other)):
        save_model(tmp_path / name, training.model, RECIPE)
    assert (
        (tmp_path / "a").read_bytes()
        == (tmp_path / "b").read_bytes()
        != (tmp_path / "c").read_bytes()
    )
    assert trained.curve == again.curve


def test_training_stops_when_valid_has_not_risen() -> None:
    stuck = replace(RECIPE, learning_rate=1e-12, patience=2, max_half_epochs=50, linear_decay=False)
    assert len(train_nfm(*two_worlds()[:3], stuck, 1).curve) < 50


KILLED = """
import os, signal, sys
sys.path[:0] = {paths!r}
import test_train
from microrank.nfm import training_run as module
import torch; torch.set_num_threads(1)
saved, save = [], module.save_progress
def save_and_die(path, progress):
    save(path, progress)
    saved.append(path)
    if len(saved) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
module.save_progress = save_and_die
from pathlib import Path
from microrank.nfm.train import train_nfm
train_nfm(*test_train.two_worlds()[:3], test_train.RECIPE, 1, state_folder=Path({folder!r}))
"""


def test_a_killed_training_goes_on_and_ends_with_the_bytes_of_an_unbroken_one(
    trained: Trained, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [str(Path(__file__).parent), *sys.path]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED.format(paths=paths, folder=str(tmp_path / "state"))],
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(os.listdir(tmp_path / "state")) == 1
    with caplog.at_level("INFO"):
        resumed = train_nfm(*two_worlds()[:3], RECIPE, 1, state_folder=tmp_path / "state")
    assert "going on after half epoch 3" in caplog.text
    assert resumed.curve == trained.curve
    for name, value in trained.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name
    assert os.listdir(tmp_path / "state") == [resumed.state.name], "kept until model and curve are"


def test_a_broken_state_and_one_of_another_recipe_are_not_used(
    trained: Trained, tmp_path: Path
) -> None:
    paths = [str(Path(__file__).parent), *sys.path]
    subprocess.run(
        [sys.executable, "-c", KILLED.format(paths=paths, folder=str(tmp_path))], check=False
    )
    (state,) = tmp_path.iterdir()
    other = train_nfm(
        *two_worlds()[:3], replace(RECIPE, max_half_epochs=1), 1, state_folder=tmp_path
    )
    assert len(other.curve) == 1
    for damage in (state.read_bytes()[:-50], b"", save_tensors({"order": torch.zeros(2)})):
        state.write_bytes(damage)
        assert load_progress(state) is None
    assert train_nfm(*two_worlds()[:3], RECIPE, 1, state_folder=tmp_path).curve == trained.curve


def new_items() -> tuple[list[pa.Table], pa.Table]:
    """`two_worlds` where every user's valid item is the one new item of the user's group.

    Returns:
        Tables train and valid, and table ITEMS with the new items last.
    """
    train, valid, items, groups = two_worlds()
    ids = 1000 + np.arange(GROUPS)
    rows = [ids, len(items) + 1 + np.arange(GROUPS), [""] * GROUPS, [0] * GROUPS]
    added = pa.table(rows, names=tables.ITEMS.names).cast(tables.ITEMS)
    valid = valid.set_column(1, "item_id", pa.array(1000 + groups)).cast(tables.SPLIT)
    return [train, valid], pa.concat_tables([items, added])


def test_a_refit_learns_what_is_new_in_valid_and_keeps_what_train_told() -> None:
    past, items = new_items()
    groups = two_worlds()[3]
    start = train_nfm(*past, items, RECIPE, 1).model
    recipe = replace(RECIPE, refit_passes=10, refit_rate=1)
    model = refit_nfm(start, past, items, recipe, 1).model
    lists = [
        recommend_top_k(one, past[:1], items, 2, history_length=10)["item_id"].to_numpy()
        for one in (start, model)
    ]
    finds_new = [(1000 + np.repeat(groups, 2) == found).mean() for found in lists]
    assert finds_new[0] < 0.1
    assert finds_new[1] > 0.4, "one of a list of two"
    old = lists[1][lists[1] < 1000]
    of_own_group = old // 100 - 1 == np.repeat(groups, 2)[lists[1] < 1000]
    assert of_own_group.mean() > 0.5, "a quarter by chance"


def test_a_refit_leaves_the_model_that_it_goes_on_from_and_gives_the_same_bytes_again(
    trained: Trained,
) -> None:
    train, valid, items, _ = two_worlds()
    before = deepcopy(trained.model.state_dict())
    one, again, other = (
        refit_nfm(trained.model, [train, valid], items, RECIPE, seed).model.state_dict()
        for seed in (1, 1, 2)
    )
    for name, value in trained.model.state_dict().items():
        assert torch.equal(value, before[name]), name
        assert torch.equal(one[name], again[name]), name
    assert not torch.equal(one["items.weight"], other["items.weight"])


def test_a_refit_goes_on_from_its_own_state_and_not_from_that_of_another_model(
    trained: Trained, tmp_path: Path
) -> None:
    train, valid, items, _ = two_worlds()
    starts = trained.model, train_nfm(train, valid, items, RECIPE, 2).model
    states = [
        refit_nfm(start, [train, valid], items, RECIPE, 1, state_folder=tmp_path).state
        for start in (starts[0], starts[1], starts[0])
    ]
    assert states[0] == states[2] != states[1]
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("whole_chunks", [True, False])
def test_the_targets_of_a_refit_are_each_users_newest_item_and_candidates_are_drawn_of_them(
    whole_chunks: bool,
) -> None:
    histories = Histories(
        np.arange(3), np.array([0, 3, 5, 9]), np.array([1, 2, 3, 2, 3, 4, 5, 6, 7])
    )
    chunks = Chunks.of(histories, 9, 4, 3).of_newest_targets(whole_chunks)
    assert [chunks.items[row, place] for row, place in chunks.examples] == [3, 3, 7]
    drawn = {1, 2, 3, 4, 5, 6, 7} if whole_chunks else {3, 7}
    assert set(np.flatnonzero(chunks.share)) == drawn
    assert chunks.share.sum() == pytest.approx(1)
    if not whole_chunks:
        np.testing.assert_allclose(chunks.share[[3, 7]], [2 / 3, 1 / 3])


def test_a_split_without_pairs_of_items_is_an_error_that_says_so() -> None:
    train, valid, items, _ = two_worlds()
    with pytest.raises(StudyError, match="no user with two items"):
        train_nfm(
            train.filter(pa.array(train["position"].to_numpy() == 0)), valid, items, RECIPE, 1
        )


def test_a_loss_that_explodes_is_an_error_that_says_what_to_change() -> None:
    with pytest.raises(StudyError, match="smaller learning_rate"):
        train_nfm(*two_worlds()[:3], replace(RECIPE, learning_rate=1e30), 1)


def test_a_checkpoint_comes_back_as_it_was_saved(trained: Trained, tmp_path: Path) -> None:
    save_model(tmp_path / "model", trained.model, RECIPE)
    model, recipe = load_model(tmp_path / "model")
    assert recipe == RECIPE
    assert all(
        torch.equal(value, model.state_dict()[name])
        for name, value in trained.model.state_dict().items()
    )


def test_a_checkpoint_from_before_recency_and_matrix_is_one_without_them(tmp_path: Path) -> None:
    save_model(tmp_path / "model", RECIPE.new_model(3), RECIPE)
    with safe_open(tmp_path / "model", framework="pt") as file:
        tensors, recipe = tensors_of(file), json.loads(file.metadata()["recipe"])
    for key in ("recency_decay", "past_only", "field_matrix"):
        del recipe[key]
    save_file(tensors, tmp_path / "old", metadata={"recipe": json.dumps(recipe)})
    model, old = load_model(tmp_path / "old")
    assert (old.recency_decay, old.past_only, old.field_matrix) == (0, False, False)
    assert (model.recency_decay, model.field_matrix) == (0, None)


def test_a_checkpoint_keeps_its_matrix_and_the_weights_of_its_inputs(tmp_path: Path) -> None:
    recipe = replace(RECIPE, recency_decay=0.7, past_only=True, field_matrix=True)
    saved = random_model(1, n_items=9, recency_decay=0.7, field_matrix=True)
    save_model(tmp_path / "model", saved, recipe)
    loaded, _ = load_model(tmp_path / "model")
    histories, candidates = torch.tensor([[0, 3, 5], [1, 2, 9]]), torch.tensor([[4, 6]] * 2)
    with torch.no_grad():
        assert torch.equal(loaded(histories, candidates), saved(histories, candidates))


def test_the_reference_recipe_trains_as_the_study_does() -> None:
    config = yaml.safe_load((Path(__file__).parents[2] / "config/config.yaml").read_text())
    reference = Recipe.from_config(config["nfm"]["recipes"]["reference"])
    assert (reference.recency_decay, reference.past_inputs, reference.field_matrix) == (
        0,
        None,
        False,
    )
    assert (reference.dimension, reference.batch_size, reference.learning_rate) == (1024, 64, 1e-4)


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "pickle"])
def test_a_damaged_checkpoint_is_an_error_of_one_line_and_runs_no_code(
    tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, NFM(3, 8, 8), RECIPE)
    content = {
        "cut": path.read_bytes()[:-7],
        "empty": b"",
        "text": b"<html>not found</html>" * 9,
        "pickle": b"\x80\x04cos\nsystem\n.",
    }
    path.write_bytes(content[damage])
    with pytest.raises(StudyError, match="not a complete checkpoint") as caught:
        load_model(path)
    assert "\n" not in str(caught.value)


def test_a_missing_checkpoint_is_named() -> None:
    with pytest.raises(StudyError, match="nowhere: no such file"):
        load_model("nowhere")


def test_cuda_is_asked_for_only_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_module.torch.cuda, "is_available", lambda: False)
    assert choose_device("auto", 1) == choose_device("cpu", 1) == "cpu"
    with pytest.raises(StudyError, match=r"nfm\.device is cuda, but torch finds no GPU"):
        choose_device("cuda", 1)
    monkeypatch.setattr(device_module.torch.cuda, "is_available", lambda: True)
    assert choose_device("auto", 1) == choose_device("cuda", 1) == "cuda"


def test_an_unknown_key_of_a_recipe_is_named() -> None:
    with pytest.raises(StudyError, match=r"nfm\.recipes: .*dimensions"):
        Recipe.from_config({"dimensions": 3})
