"""The day of each item's first interaction, from files with times and without."""

from pathlib import Path

import pyarrow as pa
import pytest
from made_up_lists import catalogue
from microrank.data.first_seen import find_first_seen, with_first_seen
from microrank.data.pairs import iter_histories
from microrank.data.raw_keys import FIRST_INTERACTION
from microrank.errors import StudyError
from microrank.memory.newer import newer_items

DAY = 86_400_000  # ms


def test_the_earliest_of_all_users_interactions_dates_an_item(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    rows = [(2, 5, 19_000), (1, 5, 19_001), (1, 6, 19_002), (2, 6, 19_003), (1, 7, 19_004)]
    lines = [f"{user},{item},{day * DAY + 5}" for user, item, day in [*rows, (2, 8, 19_005)]]
    path.write_text("\n".join(["user,item,timestamp", *lines]) + "\n")
    found = find_first_seen(iter_histories([path]), "datasets.mine")
    days = {5: "2022-01-08", 6: "2022-01-10", 7: "2022-01-12", 8: "2022-01-13"}
    assert dict(zip(*(found[name].to_pylist() for name in found.column_names), strict=True)) == days
    dated = with_first_seen(catalogue({5: "a", 7: "b", 9: "c"}), found)
    assert dated[FIRST_INTERACTION].to_pylist() == ["2022-01-08", "2022-01-12", ""]
    assert newer_items(dated, FIRST_INTERACTION, "2022-01-10") == {7}


def test_interactions_without_times_are_refused_by_the_setting_that_needs_them(
    tmp_path: Path,
) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("1\t5 6 7\n")
    with pytest.raises(StudyError, match=r"datasets\.mine\.item_date: first-interaction needs"):
        find_first_seen(iter_histories([path]), "datasets.mine")


def test_portions_are_put_together(tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    rows = ["1,5,2024-03-02", "1,6,2024-03-03", "1,7,2024-03-04"]
    rows += ["2,5,2024-03-01", "2,6,2024-03-05", "2,8,2024-03-06"]
    path.write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
    [whole] = iter_histories([path])
    parts = [whole.part(0, 1), whole.part(1, 2)]
    assert find_first_seen(parts, "x").equals(find_first_seen([whole], "x"))
    assert isinstance(find_first_seen([whole], "x"), pa.Table)
