"""The real files, counted: skipped where they are absent, since they are not ours to pass on."""

from pathlib import Path

import numpy as np
import pytest
from microrank.data.checksums import verify_checksums
from microrank.data.pairs import iter_histories
from microrank.data.raw_histories import join
from microrank.data.splits import SplitSummary, split_interactions
from microrank.data.titles import read_titles

KNOWN = {
    "MicroLens-50k_pairs.tsv": (
        "sha256:46be22f478aa891b9c2a4b357c1df2ac2478793a99d58d07336e6277b6bf426d"
    ),
    "MicroLens-100k_title_en.csv": (
        "sha256:1cc32b69821f3b782412833cf1f5750182779234f7c5ad87da7d8c6718b50b6b"
    ),
}


def summary_of(pairs: Path, titles: Path) -> SplitSummary:
    return split_interactions(
        iter_histories([pairs]), read_titles(titles), lambda name, table: None
    )


@pytest.mark.parametrize(
    ("titles", "empty", "without_interaction"),
    [("MicroLens-50k_titles.csv", 0, 0), ("MicroLens-100k_title_en.csv", 72, 518)],
)
def test_microlens_50k(real_data: Path, titles: str, empty: int, without_interaction: int) -> None:
    folder = real_data / "microlens-50k"
    verify_checksums([folder / name for name in KNOWN], KNOWN)
    counts = summary_of(folder / "MicroLens-50k_pairs.tsv", folder / titles).counts
    assert (counts["users"], counts["items"], counts["interactions"]) == (50_000, 19_220, 359_708)
    assert (
        counts["empty_titles"],
        counts["titles_without_interaction"],
        counts["items_without_title"],
    ) == (empty, without_interaction, 0)
    assert round(counts["test_share_never_trained"], 3) == 0.045


def test_microlens_50k_users_have_5_to_218_interactions(real_data: Path) -> None:
    lengths = join(
        list(iter_histories([real_data / "microlens-50k" / "MicroLens-50k_pairs.tsv"]))
    ).lengths
    assert (lengths.min(), np.median(lengths), lengths.max()) == (5, 6, 218)


def test_microlens_titles_keep_their_oddities(real_data: Path) -> None:
    table = read_titles(real_data / "microlens-50k" / "MicroLens-100k_title_en.csv")
    titles = dict(zip(table["item_id"].to_pylist(), table["title"].to_pylist(), strict=True))
    assert len(titles) == 19_738
    assert titles[1] == "Gu long song gaga bad"
    assert titles[579] == r"\n pester don't let sleep the girl"
    assert titles[1849] == ""
    quoted = read_titles(real_data / "microlens-50k" / "MicroLens-50k_titles.csv")
    full = dict(zip(quoted["item_id"].to_pylist(), quoted["title"].to_pylist(), strict=True))
    assert (
        full[1] == "Gu long song gaga bad, even three hundred years old are not let go. "
        "# comic # Two Yuan # My destiny villain"
    )
    assert full[579].startswith(r"\n pester don't let sleep the girl, how annoying is it?")


def test_movielens(real_data: Path) -> None:
    folder = real_data / "ml-latest-small"
    counts = summary_of(folder / "pairs.csv", folder / "titles.csv").counts
    assert (counts["users"], counts["items"], counts["interactions"]) == (610, 9_724, 100_836)
    titles = read_titles(folder / "titles.csv")
    assert titles.slice(10, 1).to_pylist() == [
        {"item_id": 11, "title": "American President, The (1995)"}
    ]
