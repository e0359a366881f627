"""Several recommenders through the real command line, one of them from a file of the user's own."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from commandline import ROOT, copy_repository, edit_config, run

PAGE = "results/recommenders.md"
SMALL = {
    "datasets": {"sample": {"synthetic": {"users": 500, "items": 200, "topics": 8}}},
    "subset": {"sample_size": 40},
    "recommenders": ["item-knn", "follows"],
    "recommender_settings": {
        "follows": {"file": "recommenders/follows.py"},
        "theirs": {"lists": "lists.parquet"},
        "both": {"union": ["item-knn", "follows"]},
    },
    "search": {"trials": 2},
    "methods": ["popularity"],
    "report": {"bootstrap_samples": 200},
}


def documented_recommender() -> str:
    """The file that docs/recommenders.md shows."""
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs/recommenders.md").read_text(), re.S)[0]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_repository(tmp_path_factory.mktemp("recommenders"))
    (folder / "recommenders").mkdir()
    (folder / "recommenders/follows.py").write_text(documented_recommender())
    edit_config(folder, SMALL)
    done = run(folder, PAGE)
    assert done.returncode == 0, done.stdout
    assert "Open results/recommenders.md" in done.stdout
    return folder


def test_a_recommender_of_ones_own_is_about_twenty_lines_and_is_compared(compared: Path) -> None:
    lines = [line for line in documented_recommender().splitlines() if line.strip()]
    assert len(lines) <= 20
    page = (compared / PAGE).read_text()
    assert "| `popularity` |" in page
    assert "| the list itself |" in page
    assert re.search(r"\| `follows` \| 2 \| `window \d` \| 0\.\d{4} \|", page)
    assert re.search(r"\| `item-knn` − `follows` \|", page)
    users = [
        pq.read_table(compared / f"results/sample.{name}/subset/users.parquet")
        for name in ("item-knn", "follows")
    ]
    assert users[0]["user_id"].equals(users[1]["user_id"])
    is_hit = [[rank > 0 for rank in table["ground_truth_rank"].to_pylist()] for table in users]
    assert all(map(any, zip(*is_hit, strict=True))), "some list holds everybody's item"
    assert not all(is_hit[0])


def test_no_list_holds_what_the_user_has_seen(compared: Path) -> None:
    folder = compared / "results/sample"
    past = [pq.read_table(folder / f"splits/{name}.parquet") for name in ("train", "valid")]
    seen = {
        pair
        for split in past
        for pair in zip(split["user_id"].to_pylist(), split["item_id"].to_pylist(), strict=True)
    }
    lists = pq.read_table(folder / "recommenders/follows/recommendations.parquet")
    assert len(lists) == 20 * 500
    pairs = zip(lists["user_id"].to_pylist(), lists["item_id"].to_pylist(), strict=True)
    assert seen.isdisjoint(pairs)


def test_an_edited_file_fits_its_recommender_again_and_no_other(compared: Path) -> None:
    path = compared / "recommenders/follows.py"
    text = path.read_text()
    path.write_text(f"{text}\n# edited\n")
    planned = run(compared, "-n", PAGE, "--quiet", "reason").stdout
    path.write_text(text)
    made = re.findall(r"^rule (\w+):.*?output: (\S+)", planned, re.M | re.S)
    fitted = {output for rule, output in made if rule in ("choose_setting", "fit_recommender")}
    assert {output.rstrip(",") for output in fitted} == {
        "results/sample/recommenders/follows/trials.json",
        "results/sample/recommenders/follows/recommendations.parquet",
    }


def test_given_lists_and_a_union_are_lists_as_others(compared: Path) -> None:
    lists = compared / "results/sample/recommenders/{}/recommendations.parquet"
    made = Path(str(lists).format("item-knn"))
    rows = pq.read_table(made)
    pq.write_table(
        rows.rename_columns(["user", "rank", "item", "score"]), compared / "lists.parquet"
    )
    names = "recommenders=[theirs, both]"
    targets = [str(lists).format(name).removeprefix(f"{compared}/") for name in ("theirs", "both")]
    done = run(compared, *targets, "--config", names)
    assert done.returncode == 0, done.stdout
    assert pq.read_table(compared / targets[0]).equals(rows)
    follows = pq.read_table(Path(str(lists).format("follows")))
    either = set(zip(rows["user_id"].to_pylist(), rows["item_id"].to_pylist(), strict=True)) | set(
        zip(follows["user_id"].to_pylist(), follows["item_id"].to_pylist(), strict=True)
    )
    pool = pq.read_table(compared / targets[1])
    assert set(zip(pool["user_id"].to_pylist(), pool["item_id"].to_pylist(), strict=True)) <= either
