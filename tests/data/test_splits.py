"""The leave-one-out split: known answers, invariants, and what may not leak."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from microrank import tables
from microrank.data.raw_histories import RawHistories
from microrank.data.splits import SplitSummary, split_interactions
from microrank.data.titles import TITLES


def interactions(histories: dict[int, list[int]]) -> pa.Table:
    rows = [
        (user, item, position)
        for user, items in sorted(histories.items())
        for position, item in enumerate(items)
    ]
    return pa.table(list(zip(*rows, strict=True)), schema=tables.SPLIT)


def portion(histories: dict[int, list[int]]) -> RawHistories:
    lists = [np.array(items) for items in histories.values()]
    return RawHistories(
        np.array(list(histories)),
        np.array([len(items) for items in lists]),
        np.concatenate(lists),
        np.arange(len(lists)),
    )


def titled(titles: dict[int, str]) -> pa.Table:
    return pa.table([list(titles), list(titles.values())], schema=TITLES)


def split(
    histories: dict[int, list[int]], titles: dict[int, str], block_users: int = 99
) -> tuple[dict[str, pa.Table], SplitSummary]:
    users = sorted(histories)
    portions = [
        portion({user: histories[user] for user in users[at : at + block_users]})
        for at in range(0, len(users), block_users)
    ]
    written: dict[str, list[pa.Table]] = {"train": [], "valid": [], "test": []}
    summary = split_interactions(
        portions, titled(titles), lambda name, table: written[name].append(table)
    )
    return {name: pa.concat_tables(parts) for name, parts in written.items()}, summary


HISTORIES = {1: [10, 20, 30], 2: [20, 10, 40, 50], 7: [50, 20, 60, 10, 30]}
TITLES_OF = {10: "ten", 20: "", 30: "thirty", 40: "forty", 60: "sixty", 70: "seventy"}


def test_last_is_test_last_but_one_is_valid_the_rest_is_train() -> None:
    splits, _ = split(HISTORIES, TITLES_OF)
    assert splits["train"].to_pydict() == {
        "user_id": [1, 2, 2, 7, 7, 7],
        "item_id": [10, 20, 10, 50, 20, 60],
        "position": [0, 0, 1, 0, 1, 2],
    }
    assert splits["valid"].to_pydict() == {
        "user_id": [1, 2, 7],
        "item_id": [20, 40, 10],
        "position": [1, 2, 3],
    }
    assert splits["test"].to_pydict() == {
        "user_id": [1, 2, 7],
        "item_id": [30, 50, 30],
        "position": [2, 3, 4],
    }


def test_the_catalogue_holds_all_items_with_an_interaction_and_no_others() -> None:
    items = split(HISTORIES, TITLES_OF)[1].items
    assert items.schema.equals(tables.ITEMS)
    assert items.to_pydict() == {
        "item_id": [10, 20, 30, 40, 50, 60],
        "item_index": [1, 2, 3, 4, 5, 6],
        "title": ["ten", "", "thirty", "forty", "", "sixty"],
        "train_count": [2, 2, 0, 0, 1, 1],
    }


def test_counts_name_what_is_odd_about_the_data() -> None:
    assert split(HISTORIES, TITLES_OF)[1].counts == {
        "users": 3,
        "items": 6,
        "interactions": 12,
        "train_interactions": 6,
        "valid_interactions": 3,
        "test_interactions": 3,
        "empty_titles": 1,
        "items_without_title": 1,
        "titles_without_interaction": 1,
        "items_never_trained": 2,
        "test_share_never_trained": 2 / 3,
    }


DATA = st.dictionaries(
    st.integers(0, 2**63 - 1),
    st.lists(st.integers(0, 30) | st.integers(0, 2**63 - 1), min_size=3, max_size=9, unique=True),
    min_size=1,
    max_size=9,
)


@given(DATA, st.integers(1, 4))
def test_splits_together_are_the_input_and_nothing_of_the_future_is_in_the_past(
    histories: dict[int, list[int]], block_users: int
) -> None:
    splits, summary = split(histories, {}, block_users)
    together = pa.concat_tables(splits.values()).sort_by(
        [("user_id", "ascending"), ("position", "ascending")]
    )
    assert together.equals(interactions(histories).combine_chunks())
    for table in splits.values():
        assert table.equals(table.sort_by([("user_id", "ascending"), ("position", "ascending")]))
    assert (
        splits["test"]["user_id"].to_pylist()
        == splits["valid"]["user_id"].to_pylist()
        == sorted(histories)
    )
    newest_trained = dict(
        zip(
            splits["train"]["user_id"].to_pylist(),
            splits["train"]["position"].to_pylist(),
            strict=True,
        )
    )
    valid, test = splits["valid"]["position"].to_numpy(), splits["test"]["position"].to_numpy()
    assert (
        [newest_trained[user] for user in sorted(histories)]
        == (valid - 1).tolist()
        == (test - 2).tolist()
    )
    trained = splits["train"]["item_id"].to_numpy()
    assert summary.items["train_count"].to_pylist() == [
        int((trained == item).sum()) for item in summary.items["item_id"].to_pylist()
    ]


@given(DATA)
def test_blocks_do_not_matter(histories: dict[int, list[int]]) -> None:
    whole, blocks = split(histories, {}), split(histories, {}, block_users=1)
    assert all(whole[0][name].equals(blocks[0][name]) for name in whole[0])
    assert whole[1].items.equals(blocks[1].items)
    assert whole[1].counts == blocks[1].counts


def test_counts_of_train_do_not_change_with_what_is_tested_on() -> None:
    other = {
        user: [*items[:-2], *np.add(items[-2:], 1000).tolist()] for user, items in HISTORIES.items()
    }
    counted = [
        dict(
            zip(
                *(
                    split(data, {})[1].items[name].to_pylist()
                    for name in ("item_id", "train_count")
                ),
                strict=True,
            )
        )
        for data in (HISTORIES, other)
    ]
    assert all(
        counted[0].get(item, 0) == count for item, count in counted[1].items() if item < 1000
    )
