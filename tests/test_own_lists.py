"""The study of another recommender's lists, and the study repeated with other seeds."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from commandline import REPORT, SMALL, copy_repository, edit_config, planned_jobs, run

SPLITS = "results/sample/splits"
CHEAP = ["popularity", "bm25"]


def popular_lists(train: pa.Table, also_seen: list[pa.Table], k: int) -> pa.Table:
    """Every user's k most trained-on items that the user has not seen."""
    seen = pa.concat_tables([train, *also_seen])
    of_user: dict[int, set[int]] = {}
    for user, item in zip(seen["user_id"].to_pylist(), seen["item_id"].to_pylist(), strict=True):
        of_user.setdefault(user, set()).add(item)
    items, counts = np.unique(train["item_id"].to_numpy(), return_counts=True)
    popular = items[np.argsort(-counts, kind="stable")].tolist()
    rows = [
        (user, rank, item)
        for user, own in of_user.items()
        for rank, item in enumerate([i for i in popular if i not in own][:k], 1)
    ]
    return pa.table(
        dict(zip(("user_id", "rank", "item_id"), map(list, zip(*rows, strict=True)), strict=True))
    )


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_repository(tmp_path_factory.mktemp("splits"))
    edit_config(folder, SMALL | {"methods": CHEAP})
    done = run(folder, f"{SPLITS}/train.parquet")
    assert done.returncode == 0, done.stdout
    return folder


def test_lists_of_another_recommender_are_studied_without_training_one(splits: Path) -> None:
    train, valid = (
        pq.read_table(splits / SPLITS / f"{name}.parquet") for name in ("train", "valid")
    )
    pyarrow.csv.write_csv(popular_lists(train, [valid], 20), splits / "lists.csv")
    pq.write_table(popular_lists(train, [], 20), splits / "tuning.parquet")
    own = {
        "recommendations": "lists.csv",
        "recommender": "popular",
        "recommendations_for_tuning": "tuning.parquet",
    }
    fused = {
        "rerankers": {"fused": {"fusion": "reciprocal", "of": ["nfm", "bm25"]}},
        "methods": [*CHEAP, "fused"],
    }
    edit_config(splits, {"datasets": {"sample": own}, **fused})
    planned = planned_jobs(splits)
    assert planned["take_recommendations"] == 2
    assert planned["evaluate_lists"] == 1
    assert set(planned).isdisjoint({"train_nfm", "recommend_top_k", "evaluate_nfm"})
    done = run(splits, REPORT)
    assert done.returncode == 0, done.stdout
    report = (splits / REPORT).read_text()
    assert "| popular |" in report
    assert "training.svg" not in report
    for name in ("lists.csv", "tuning.parquet"):
        assert (
            f"| {name} | sha256:{hashlib.sha256((splits / name).read_bytes()).hexdigest()} |"
            in report.replace("`", "")
        )
    assert (
        "places hold an item that the user has seen already"
        not in (splits / "results/sample/logs/lists/take_recommendations.log").read_text()
    )
    metrics = json.loads((splits / "results/sample/lists/metrics.json").read_text())
    assert metrics["n_users"] == SMALL["datasets"]["sample"]["synthetic"]["users"]
    # The popularity method orders the recommender's list as it already is: the same row.
    rows = [
        line.split(",") for line in (splits / "results/sample/metrics.csv").read_text().splitlines()
    ]
    values = {tuple(row[1:4]): row[4] for row in rows}
    assert values["popular", "hits", "10"] == values["popularity", "hits", "10"]
    assert not planned_jobs(splits)


def test_a_fusion_without_lists_to_tune_it_on_is_refused(splits: Path) -> None:
    (splits / "lists.csv").touch()
    datasets = {
        "datasets": {
            "bare": {"pairs": "lists.csv", "titles": "lists.csv", "recommendations": "lists.csv"}
        }
    }
    edit_config(
        splits,
        datasets
        | {
            "rerankers": {"fused": {"fusion": "reciprocal", "of": ["nfm", "bm25"]}},
            "methods": ["fused"],
        },
    )
    done = run(splits, "-n", REPORT, "--config", "dataset=bare")
    assert done.returncode != 0
    assert "name such a file as datasets.bare.recommendations_for_tuning" in done.stdout


def test_repeats_run_with_seeds_of_their_own_and_show_their_spread(tmp_path: Path) -> None:
    """Of all users, hits or not, so that the report is seen for that population too."""
    folder = copy_repository(tmp_path)
    everybody = {"subset": {"population": "users", "sample_size": "all"}, "tuning": {"share": 0}}
    edit_config(folder, SMALL | everybody | {"methods": ["popularity"], "repeats": 2})
    done = run(folder, REPORT)
    assert done.returncode == 0, done.stdout
    _look_at_the_report_of_everybody(folder)
    folders = [folder / "results/sample", folder / "results/sample.seed-20240602"]
    assert "Over seeds" in (folder / REPORT).read_text()
    assert len({(one / "splits/train.parquet").read_bytes() for one in folders}) == 1
    assert len({(one / "nfm/model.safetensors").read_bytes() for one in folders}) == 2
    assert len({(one / "subset/users.parquet").read_bytes() for one in folders}) == 2
    metrics = [(one / "metrics.csv").read_text().splitlines() for one in folders]
    hits = [
        next(float(line.split(",")[4]) for line in lines if ",nfm,hits,10," in line)
        for lines in metrics
    ]
    shown = next(
        line.split(",")
        for line in (folders[0] / "seeds.csv").read_text().splitlines()
        if line.startswith("nfm,hits,10,")
    )
    assert (int(shown[3]), float(shown[4]), float(shown[6]), float(shown[7])) == (
        2,
        sum(hits) / 2,
        min(hits),
        max(hits),
    )
    rates = [
        json.loads((one / "nfm/metrics.json").read_text())["all_users"]["HR@10"] for one in folders
    ]
    shown = next(
        line.split(",")
        for line in (folders[0] / "seeds.csv").read_text().splitlines()
        if line.startswith("nfm,hr_all_users,10,")
    )
    assert float(shown[4]) == pytest.approx(sum(rates) / 2)
    edit_config(folder, {"repeats": 3})
    assert set(planned_jobs(folder)) >= {"train_nfm", "compare_seeds"}
    edit_config(folder, {"repeats": 1})
    assert set(planned_jobs(folder)) == {"write_report", "copy_report"}


def _look_at_the_report_of_everybody(folder: Path) -> None:
    """Users drawn from all: hit rates beside the hits.

    Over all users they are those of the subset, without a share to multiply by.
    """
    lines = (folder / REPORT).read_text().splitlines()
    counted = json.loads((folder / "results/sample/nfm/metrics.json").read_text())["all_users"]
    rows = [
        line.split(",") for line in (folder / "results/sample/metrics.csv").read_text().splitlines()
    ]
    own = {int(row[3]): row for row in rows if row[1:3] == ["nfm", "hr"]}
    assert any(
        f"Of {int(own[10][7]):,} users drawn from all, the recommender (NFM) has" in line
        for line in lines
    )
    assert any(
        line.startswith("| mean over users | HR@5 | − NFM | HR@10 | − NFM | NDCG@10 |")
        for line in lines
    )
    assert f"| NFM, counted | {counted['HR@5']:.4f} |  | {counted['HR@10']:.4f} |  |" in lines
    assert any(
        line.startswith(f"| NFM | {float(own[5][4]):.3f} ") and f" {float(own[10][4]):.3f} " in line
        for line in lines
    )
