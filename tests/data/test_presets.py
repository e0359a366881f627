"""Public data sets by their presets: a small made-up file in the form of each, read to the end."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from made_up_logs import FORMS, TITLE, clicks
from microrank import tables
from microrank.data.presets import PRESETS
from microrank.data.raw_settings import RawSettings
from microrank.data.split_raw_files import split_raw_files
from microrank.item_texts import attribute_texts

USERS = ["3", "1", "2"]
ITEMS = ["20", "10", "30", "40"]
ASINS = ["B07X", "0321", "B000", "B09Z"]
ATTRIBUTES = {
    "movielens-100k": "released: 01-Jan-1995; genre: Animation, Comedy",
    "movielens-1m": "genre: Animation|Comedy",
    "movielens-latest": "genres: Animation|Comedy",
    "amazon-reviews-2023": "main_category: Tools",
    "recbole": "",
    "kuairec": "topic_tag: []; first_level_category_name: Pets",
    "goodreads": "publication_year: 1984",
    "yelp": "categories: Doctors, Health; city: Goleta",
}


def test_every_preset_has_a_form() -> None:
    assert set(FORMS) == set(ATTRIBUTES) == set(PRESETS)


@pytest.mark.parametrize("preset", FORMS)
def test_the_files_of_a_preset_are_split_with_ids_titles_and_attributes_as_written(
    preset: str, tmp_path: Path
) -> None:
    items = ASINS if preset == "amazon-reviews-2023" else ITEMS
    log = clicks(USERS, items, 3)
    pairs, titles = FORMS[preset](log, items)
    (tmp_path / "pairs").write_bytes(pairs)
    (tmp_path / "titles").write_bytes(titles)
    names = ("train", "valid", "test", "users", "catalogue")
    outputs = {name: str(tmp_path / f"{name}.parquet") for name in names}
    settings = RawSettings.from_config("mine", {"preset": preset})
    counts = split_raw_files([tmp_path / "pairs"], tmp_path / "titles", settings, outputs)
    assert (counts["users"], counts["interactions"], counts["items_without_title"]) == (3, 9, 0)
    users = dict(zip(*pq.read_table(outputs["users"]).to_pydict().values(), strict=True))
    catalogue = tables.read_catalogue(outputs["catalogue"])
    names_of = dict(
        zip(catalogue["item_id"].to_pylist(), catalogue["item"].to_pylist(), strict=True)
    )
    histories: dict[str, list[str]] = {user[-1]: [] for user in users.values()}
    for name in ("train", "valid", "test"):
        for row in pq.read_table(outputs[name]).to_pylist():
            histories[users[row["user_id"]][-1]].append(names_of[row["item_id"]])
    start = "XQf" if preset == "yelp" else ""
    assert histories == {
        user: [start + click.item for click in log if click.user == user] for user in USERS
    }
    assert all(TITLE in title and "Café" in title for title in catalogue["title"].to_pylist())
    assert set(attribute_texts(catalogue, list(names_of)).values()) == {ATTRIBUTES[preset]}
