"""Data that hardly are any: the study ends with a report, or with a line on what to change."""

import random
from pathlib import Path

import pytest
from commandline import REPORT, copy_repository, edit_config, run

CHEAP = {
    "nfm": {"recipes": {"sampled": {"max_half_epochs": 1, "refit": False}}},
    "methods": ["random", "popularity", "bm25", "item-knn"],
}


def histories(users: int, items: int, length: int) -> str:
    draw = random.Random(1)
    return "".join(
        f"{user}\t{' '.join(map(str, draw.sample(range(items), length)))}\n"
        for user in range(users)
    )


@pytest.mark.parametrize(
    ("pairs", "top_k", "users", "said"),
    [
        (
            histories(1, 12, 12),
            2,
            1,
            "recommend_top_k: top_k is 2, but somebody has only 1 of 12 items left to recommend; "
            "lower top_k",
        ),
        (
            histories(40, 7, 5),
            20,
            5,
            "recommend_top_k: top_k is 20, but somebody has only 3 of 7 items left to recommend; "
            "lower top_k",
        ),
        (histories(40, 7, 5), 3, 5, None),
        (histories(2, 7, 5), 3, 1, None),
        pytest.param(
            histories(40, 7, 5),
            3,
            41,
            "subset.sample_size is 41, but the data set has only 40 users",
            marks=pytest.mark.soak,
        ),
        (
            "1\t5 6 7\n2\t5 5 5\n",
            2,
            1,
            "train_nfm: the train split holds no user with two items",
        ),
        (
            "1\t5\n2\t5\n",
            2,
            1,
            "split_interactions: pairs.tsv: no user is left to be split: "
            "2 users have fewer than 3 interactions",
        ),
    ],
    ids=[
        "one user",
        "fewer items than top_k",
        "few items",
        "two users",
        "fewer users than asked for",
        "one item, often",
        "one item, once",
    ],
)
def test_the_study_of_hardly_any_data_ends_with_a_report_or_one_line(
    tmp_path: Path, pairs: str, top_k: int, users: int, said: str | None
) -> None:
    study = copy_repository(tmp_path)
    (study / "pairs.tsv").write_text(pairs)
    (study / "titles.csv").write_text(
        "item,title\n" + "".join(f"{item},the same title\n" for item in range(12))
    )
    mine = {"pairs": "pairs.tsv", "titles": "titles.csv"}
    edit_config(
        study,
        CHEAP
        | {
            "dataset": "mine",
            "datasets": {"mine": mine},
            "top_k": top_k,
            "subset": {"sample_size": users, "strict": True},
        },
    )
    done = run(study, REPORT)
    assert "Traceback" not in done.stdout, done.stdout
    assert "defect in microrank" not in done.stdout, done.stdout
    if said is None:
        assert done.returncode == 0, done.stdout
        assert (study / REPORT).read_text().startswith("# ")
    else:
        assert done.returncode != 0
        lines = [line for line in done.stdout.splitlines() if said in line]
        assert len(set(lines)) == 1, done.stdout
        assert done.stdout.splitlines()[-1] == lines[0], done.stdout
        assert not (study / REPORT).exists()
