"""Recommendations as a table: what is masked, how ties go, what shards give, what is refused."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from microrank import tables
from microrank.errors import StudyError
from microrank.nfm.histories import gather_histories
from microrank.nfm.rank import recommend_top_k
from microrank.nfm.ranked_blocks import ranked_blocks
from microrank.shards import Shard
from nfm.toy_models import random_model

HISTORY_LENGTH = 4
ORDER = {"recency_decay": 0.8, "field_matrix": True}


def study(seed: int, n_users: int = 30, n_items: int = 60) -> tuple[list[pa.Table], pa.Table]:
    """Train and valid splits of users with 1 to 9 + 1 items, and table ITEMS.

    Ids are in no order and have gaps; ITEMS are in the order of ids.
    """
    rng = np.random.default_rng(seed)
    ids = np.sort(rng.permutation(10 * n_items)[:n_items])
    users = rng.permutation(10 * n_users)[:n_users]
    rows = [
        (user, item, place)
        for user in users
        for place, item in enumerate(rng.permutation(ids)[: rng.integers(2, 11)])
    ]
    table = pa.table(
        dict(
            zip(
                ("user_id", "item_id", "position"),
                map(np.array, zip(*rows, strict=True)),
                strict=True,
            )
        )
    )
    table = table.cast(tables.SPLIT).sort_by([("user_id", "ascending"), ("position", "ascending")])
    user = table["user_id"].to_numpy()
    last = pa.array(np.append(user[1:] != user[:-1], True))
    items = {
        "item_id": ids,
        "item_index": np.arange(1, n_items + 1),
        "title": [""] * n_items,
        "train_count": np.ones(n_items),
    }
    return [
        table.filter(pa.array(~last.to_numpy(zero_copy_only=False))),
        table.filter(last),
    ], pa.table(items).cast(tables.ITEMS)


def recommended(
    seed: int, k: int = 5, **options: object
) -> tuple[pa.Table, list[pa.Table], pa.Table]:
    past, items = study(seed)
    model = random_model(seed, n_items=len(items), **ORDER)
    return (
        recommend_top_k(model, past, items, k, history_length=HISTORY_LENGTH, **options),
        past,
        items,
    )


@given(st.integers(0, 10_000), st.integers(1, 40))
def test_every_user_gets_k_unseen_items_of_the_catalogue_once(seed: int, k: int) -> None:
    table, past, items = recommended(seed, k)
    assert table.schema.equals(tables.RECOMMENDATIONS)
    seen = set(
        zip(
            *(pa.concat_tables(past)[name].to_pylist() for name in ("user_id", "item_id")),
            strict=True,
        )
    )
    pairs = list(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))
    assert not seen & set(pairs)
    assert len(set(pairs)) == len(pairs)
    assert set(table["item_id"].to_pylist()) <= set(items["item_id"].to_pylist())
    assert table["rank"].to_pylist() == list(range(1, k + 1)) * 30
    assert table["user_id"].to_pylist() == [
        user for user in sorted({user for user, _ in seen}) for _ in range(k)
    ]


def test_lists_follow_the_modules_own_scores_of_the_newest_items() -> None:
    table, past, items = recommended(3)
    model = random_model(3, n_items=len(items), **ORDER).double().eval()
    ids = items["item_id"].to_numpy()
    history = pa.concat_tables(past).sort_by([("user_id", "ascending"), ("position", "ascending")])
    for user in np.unique(history["user_id"].to_numpy()):
        mine = history["item_id"].to_numpy()[history["user_id"].to_numpy() == user]
        newest = torch.from_numpy(np.searchsorted(ids, mine[-HISTORY_LENGTH:]) + 1)[None]
        with torch.no_grad():
            scores = model(newest, torch.arange(1, len(ids) + 1)[None])[0].float().numpy()
        scores[np.searchsorted(ids, mine)] = -np.inf
        expected = np.lexsort((ids, -scores))[:5]
        rows = table.filter(pa.array(table["user_id"].to_numpy() == user))
        assert rows["item_id"].to_pylist() == ids[expected].tolist()
        assert rows["score"].to_pylist() == scores[expected].tolist()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 40))
def test_the_shards_one_after_the_other_are_the_whole(seed: int, n_shards: int) -> None:
    whole, *_ = recommended(seed)
    parts = [recommended(seed, shard=Shard(part, n_shards))[0] for part in range(n_shards)]
    assert pa.concat_tables(parts).combine_chunks().equals(whole.combine_chunks())


def test_the_size_of_a_block_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    whole, *_ = recommended(1)
    for users, items in ((1, 7), (4, 50), (64, 2048)):
        monkeypatch.setattr("microrank.nfm.topk.BOUND_USERS", users)
        monkeypatch.setattr("microrank.nfm.score_bound.ITEMS_AT_ONCE", items)
        assert recommended(1)[0].equals(whole)


def test_an_items_table_in_another_order_gives_the_same_lists() -> None:
    past, items = study(4)
    model = random_model(4, n_items=len(items))
    shuffled = items.take(np.random.default_rng(0).permutation(len(items)))
    one, other = (
        recommend_top_k(model, past, table, 5, history_length=HISTORY_LENGTH)
        for table in (items, shuffled)
    )
    assert one.equals(other)


def test_longer_pasts_than_the_models_history_are_masked_whole() -> None:
    histories = gather_histories(*study(5))
    newest = histories.newest(np.arange(30), HISTORY_LENGTH)
    lengths = np.diff(histories.starts)
    assert lengths.max() > HISTORY_LENGTH > lengths.min()
    assert ((newest > 0).sum(axis=1) == np.minimum(lengths, HISTORY_LENGTH)).all()
    row, item = histories.seen(np.array([7, 2]))
    assert (
        item[row == 0].tolist()
        == histories.items[histories.starts[7] : histories.starts[8]].tolist()
    )
    assert newest[2, -1] == item[row == 1][-1]


def test_a_study_of_fewer_interactions_than_the_models_history_is_padded() -> None:
    past = pa.table({"user_id": [1], "item_id": [7], "position": [0]}).cast(tables.SPLIT)
    items = pa.table({"item_id": [7], "item_index": [1], "title": [""], "train_count": [1]}).cast(
        tables.ITEMS
    )
    assert gather_histories([past], items).newest(np.array([0]), 3).tolist() == [[0, 0, 1]]


def broken(change: str) -> Callable[[], pa.Table]:
    past, items = study(6)
    model = random_model(6, n_items=len(items))
    k = 5
    if change == "more items":
        model = random_model(6, n_items=len(items) + 1)
    if change == "not finite":
        with torch.no_grad():
            model.hidden.weight[0, 0] = torch.nan
    if change == "too large":
        with torch.no_grad():
            model.output.weight.fill_(3e38)
    if change == "short catalogue":
        k = 55
    if change == "unknown item":
        past[1] = past[1].set_column(1, "item_id", pa.array(past[1]["item_id"].to_numpy() + 10_000))
    return lambda: recommend_top_k(model, past, items, k, history_length=HISTORY_LENGTH)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("more items", r"the model knows 61 items and items.parquet 60.*train again"),
        ("not finite", r"not finite numbers; train again"),
        ("too large", r"too large for float32; train again"),
        (
            "short catalogue",
            r"top_k is 55, but somebody has only 5\d of 60 items left to recommend; lower top_k",
        ),
        ("unknown item", r"item \d+ is not in items.parquet"),
    ],
)
def test_what_cannot_be_ranked_is_one_clear_line(change: str, message: str) -> None:
    with pytest.raises(StudyError, match=message) as error:
        broken(change)()
    assert "\n" not in str(error.value)


def test_products_are_not_rounded_more_than_the_bounds_allow_whatever_the_caller_has_set() -> None:
    seen = []

    class Watched:
        users_per_block, items = 2, torch.zeros(1)

        def top_k(self, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            seen.append(torch.get_float32_matmul_precision())
            return places, places

    torch.set_float32_matmul_precision("medium")
    try:
        list(ranked_blocks(Watched(), lambda users: (torch.from_numpy(users),), 4))
        assert (seen, torch.get_float32_matmul_precision()) == (["highest", "highest"], "medium")
    finally:
        torch.set_float32_matmul_precision("highest")
