"""Logs as they are, from two lines of config to a report, through the real command line."""

import gzip
import json
import random
import re
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from commandline import REPORT, ROOT, run
from made_up_logs import FORMS, TITLE, clicks
from services.scripted import as_json, completion, serving
from werkzeug import Request, Response

# Quick to train: what is tested is how the data get from the files to the report.
QUICK = {
    "top_k": 8,
    "nfm": {"threads": 1, "recipes": {"sampled": {"max_half_epochs": 1, "refit": False}}},
    "subset": {"population": "users", "sample_size": 20},
    "methods": ["popularity"],
}
ID = r"B0\d{4}XQ"


def study(folder: Path, dataset: dict[str, Any], config: dict[str, Any]) -> str:
    """Run a study in a folder of its own, as its user would; what was printed."""
    settings = {"dataset": "mine", "datasets": {"mine": dataset}, **config}
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    done = run(folder, "-s", str(ROOT / "Snakefile"), cores=1)
    assert done.returncode == 0, done.stdout
    return done.stdout


def explorer_of(folder: Path) -> dict[str, Any]:
    """The data behind the page's user explorer."""
    page = (folder / REPORT).with_suffix(".html").read_text()
    return json.loads(
        re.search(r'<script[^>]*type="application/json"[^>]*>(.*?)</script>', page)[1]
    )


TRAINED = "movielens-latest"  # the others' lists are given: one training is enough


@pytest.fixture(scope="module")
def preset_studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A study of every preset: its name, and the paths of files in its form."""
    users, items = ([str(number) for number in range(start, 3 * start)] for start in (15, 14))
    log = clicks(users, items, 5)
    folders = {preset: tmp_path_factory.mktemp(preset) for preset in FORMS}
    with ThreadPoolExecutor(2) as pool:
        for preset, folder in folders.items():
            for name, content in zip(("pairs", "titles"), FORMS[preset](log, items), strict=True):
                (folder / name).write_bytes(content)
            dataset = {"preset": preset, "pairs": "pairs", "titles": "titles"}
            if preset != TRAINED:
                write_lists(folder / "lists", preset, users, items)
                dataset["recommendations"] = "lists"
            pool.submit(study, folder, dataset, QUICK)
    return folders


def write_lists(path: Path, preset: str, users: list[str], items: list[str]) -> None:
    """Lists of another recommender, of ids as the preset's log has them."""
    start = {"amazon-reviews-2023": "AE", "goodreads": "8842", "yelp": "mh_-"}.get(preset, "")
    prefix = "XQf" if preset == "yelp" else ""
    rows = [
        (f"{start}{user}", f"{prefix}{items[(place + 4 + turn) % len(items)]}")
        for place, user in enumerate(users)
        for turn in range(QUICK["top_k"])
    ]
    lines = [f"{user}\t{item}\t{-turn}" for turn, (user, item) in enumerate(rows)]
    path.write_text("\n".join(["user_id:token\titem_id:token\tscore:float", *lines]) + "\n")


@pytest.mark.parametrize("preset", FORMS)
def test_every_preset_gets_to_a_report(preset: str, preset_studies: dict[str, Path]) -> None:
    folder = preset_studies[preset]
    name = "NFM" if preset == TRAINED else "own-lists"
    assert f"| {name} |" in (folder / REPORT).read_text()
    explorer = explorer_of(folder)
    assert len(explorer["users"]) == QUICK["subset"]["sample_size"]
    assert all(TITLE in title for title in explorer["titles"].values())


class HardLog:
    """Text ids, seconds, shuffled rows, repeated pairs, users of one click; and titles."""

    def __init__(self, seed: int = 1) -> None:
        draw = random.Random(seed)
        self.items = [f"B0{number:04}XQ" for number in range(40)]
        self.rows: list[tuple[str, str, int]] = []
        for place in range(60):
            user, first = f"{draw.getrandbits(64):016x}", draw.randrange(40)
            for turn in range(1 if place % 10 == 0 else draw.randint(4, 9)):
                item = self.items[(first + turn) % 40]
                time = 1_600_000_000 + 1000 * place + 10 * turn
                self.rows.append((user, item, time))
                if draw.random() < 0.1:
                    self.rows.append((user, item, time + 10_000))
        draw.shuffle(self.rows)
        self.titled = draw.sample(self.items, 40)

    def write(self, folder: Path) -> None:
        lines = [f"{user},{item},{time}\n" for user, item, time in self.rows]
        with gzip.open(folder / "clicks.csv.gz", "wt") as file:
            file.write("userId,itemId,ts\n" + "".join(lines))
        titles = [f'{item},"Rake, model {item[2:6]}"\n' for item in self.titled]
        (folder / "titles.csv").write_text("itemId,title\n" + "".join(titles))

    def histories(self) -> dict[str, list[str]]:
        """Each user's items by time, the first of repeated ones; no users of one click."""
        items: dict[str, list[str]] = defaultdict(list)
        for user, item, _ in sorted(self.rows, key=lambda row: row[2]):
            if item not in items[user]:
                items[user].append(item)
        return {user: history for user, history in items.items() if len(history) >= 3}

    def n_repeats(self) -> int:
        pairs = Counter((user, item) for user, item, _ in self.rows)
        return sum(pairs.values()) - len(pairs)


def answer_by_id(request: Request, body: dict[str, Any]) -> Response:
    """The ids that the question shows as candidates, the last letters of the alphabet first."""
    question = body["messages"][-1]["content"]
    ids = sorted(set(re.findall(rf"^({ID}): ", question, re.MULTILINE)), reverse=True)
    return as_json(completion(json.dumps({"ranking": ids}) if "JSON" in question else str(ids)))


JSON_IDS = """
answer_format: ids
json: true
system: You rank {items}.
history_line: "- {title}"
candidate_line: "{id}: {title}"
user: |
  Somebody {verb}
  {history}
  and may take one of
  {candidates}
  Answer with JSON {{"ranking": [best, …, worst]}}.
"""
METHOD = """
def score(history, candidates):
    assert all(item.id.startswith("B0") and item.id.endswith("XQ") for item in history)
    return [int(item.id[2:6]) for item in candidates]
"""


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HardLog, list[dict]]:
    """A finished study of the hard log, and what its language model was asked."""
    folder, log = tmp_path_factory.mktemp("hard"), HardLog()
    log.write(folder)
    (folder / "by_id.py").write_text(METHOD)
    (folder / "prompts").mkdir()
    (folder / "prompts/json-ids.yaml").write_text(JSON_IDS)
    with serving(answer_by_id) as server:
        model = {"adapter": "openai-chat", "base_url": server.base_url, "model": "tiny"}
        methods = {
            "prompts": "prompts",
            "llms": {"tiny": model},
            "rerankers": {
                "by-id": {"file": "by_id.py"},
                "json-ids": {"llm": "tiny", "prompt": "json-ids"},
            },
            "methods": ["by-id", "json-ids", "bm25"],
        }
        study(folder, {"pairs": "clicks.csv.gz", "titles": "titles.csv"}, QUICK | methods)
        return folder, log, server.bodies


def test_the_hard_log_is_split_by_time_its_users_and_items_as_written(
    hard: tuple[Path, HardLog, list[dict]],
) -> None:
    folder, log, _ = hard
    splits = folder / "results/mine/splits"
    users = dict(zip(*pq.read_table(splits / "users.parquet").to_pydict().values(), strict=True))
    catalogue = pq.read_table(splits / "items.parquet").to_pydict()
    names = dict(zip(catalogue["item_id"], catalogue["item"], strict=True))
    histories: dict[str, list[str]] = {user: [] for user in users.values()}
    for name in ("train", "valid", "test"):
        for row in pq.read_table(splits / f"{name}.parquet").to_pylist():
            histories[users[row["user_id"]]].append(names[row["item_id"]])
    assert histories == log.histories()
    for item, title in zip(catalogue["item"], catalogue["title"], strict=True):
        assert title == f"Rake, model {item[2:6]}"


def test_text_ids_stand_as_written_in_page_prompts_methods_and_messages(
    hard: tuple[Path, HardLog, list[dict]],
) -> None:
    folder, log, asked = hard
    explorer = explorer_of(folder)
    for user in explorer["users"]:
        history = log.histories()[user["id"]]
        assert (user["history"], user["truth"]) == (history[:-1][-10:], history[-1])
        by_id = sorted(user["lists"]["recommender"], reverse=True)
        assert user["lists"]["by-id"] == user["lists"]["json-ids"] == by_id
        assert not user["fallback"]
    assert {body["model"] for body in asked} == {"tiny"}
    said = (folder / "results/mine/logs/split_interactions.log").read_text()
    assert re.search(
        rf"{log.n_repeats()} interactions repeat .*user [0-9a-f]{{16}} and item {ID}", said
    )
    assert "6 users have fewer than 3 interactions" in said
