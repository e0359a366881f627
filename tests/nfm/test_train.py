"""Training learns what is there, survives a kill, and leaves checkpoints that are whole."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from microrank import tables
from microrank.errors import StudyError
from microrank.nfm import device as device_module
from microrank.nfm.checkpoint import load_model, save_model
from microrank.nfm.device import choose_device
from microrank.nfm.model import NFM
from microrank.nfm.progress import load_progress
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.settings import Recipe
from microrank.nfm.train import train_nfm
from microrank.nfm.training_run import Trained
from safetensors.torch import save as save_tensors

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
