"""What a shared prefix and batches save a language model in this process, as ratios.

    python benchmarks/local_llm.py [--json PATH] [--folder FOLDER] [--users N]

Needs a model's folder, by default the one that `snakemake resources/models/smollm2` makes. Titles
are the synthetic sample's. Both sides of a ratio read the same texts in the same dtype, one right
after the other; processor time is counted, which other work on the machine disturbs less.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

import microrank  # noqa: F401, sets OpenMP up before torch loads
import torch
from microrank import tables
from microrank.data.sample import SampleSettings, make_sample
from microrank.llm.prompts import load_prompt
from microrank.local_llm.asked_users import asked_users
from microrank.local_llm.asks import ask_of
from microrank.local_llm.decode import write_answers
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.likelihood import likelihood_question
from microrank.local_llm.model import LocalModel, load_model
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.requests import Asked, LocalSettings
from microrank.local_llm.rows import Row, separated
from microrank.local_llm.session import Session
from microrank.local_llm.yes_no import yes_no_question
from microrank.services.store import Entry, Store
from peak import peak_flops
from torch.utils.flop_counter import FlopCounterMode

Json = dict[str, Any]
ROOT = Path(__file__).parent.parent
HISTORY, CANDIDATES = 10, 20
WRITTEN_TOKENS = 32
KEPT = 10_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, default=ROOT / "resources/models/smollm2")
    parser.add_argument("--users", type=int, default=4)
    options = parser.parse_args()
    rows = [kept_answers()]
    if options.folder.is_dir():
        torch.set_num_threads(1)
        local = load_model(options.folder, "bench", device="cpu", dtype="float32")
        users = sample_users(options.users)
        rows += [way(local, users) for way in (likelihood, yes_no, written, gemm_share)]
    else:
        print(f"{options.folder} is absent: snakemake --cores 1 resources/models/smollm2")
    for row in rows:
        ratio = f"{row['ratio']:.1f}x (at least {row['must']}x); " if "ratio" in row else ""
        print(f"{row['what']}: {ratio}{row['note']}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


def sample_users(n: int) -> list[Asked]:
    """Users of the synthetic sample, each with titles enough for a history and candidates."""
    _, titles = make_sample(SampleSettings(users=100, items=2000, topics=24), seed=1)
    texts = [line.partition(", ")[2] for line in titles.split("\r\n") if line]
    step = HISTORY + CANDIDATES
    return [
        Asked(
            user_id=user,
            pass_number=0,
            order=list(range(CANDIDATES)),
            history=texts[user * step : user * step + HISTORY],
            candidates=texts[user * step + HISTORY : (user + 1) * step],
            candidate_ids=list(range(CANDIDATES)),
        )
        for user in range(n)
    ]


def bodies(ask: str, prompt: str, users: list[Asked]) -> list[Json]:
    """What a way of asking asks about the users."""
    loaded = load_prompt(ROOT / f"resources/prompts/{prompt}.yaml")
    way = ask_of("bench", {"ask": ask, "prompt": prompt}, loaded, None)
    return [way.bodies(user)[0] for user in users]


def likelihood(local: LocalModel, users: list[Asked]) -> Json:
    """20 titles after one history, against one text a title."""
    asked = bodies("likelihood", "likelihood", users)
    rows = [likelihood_question(local, body["prefix"], body["endings"]) for body in asked]
    return shared_prefix(local, rows, "likelihood", must=5)


def yes_no(local: LocalModel, users: list[Asked]) -> Json:
    """20 questions with one beginning, against one text a question."""
    rows = [yes_no_question(local, body["chats"]) for body in bodies("yes-no", "yes-no", users)]
    return shared_prefix(local, rows, "yes-no", must=4)


def shared_prefix(local: LocalModel, rows: list[Row], what: str, must: int) -> Json:
    """Rows at once against their endings one by one."""
    apart = [part for row in rows for part in separated(row)]
    together_s = seconds(lambda: log_probabilities(local, rows))
    apart_s = seconds(lambda: log_probabilities(local, apart, batch_tokens=1))
    tokens = sum(map(len, rows))
    return {
        "what": f"{what} of {CANDIDATES} candidates, one question a candidate",
        "against": "naive form",
        "ratio": apart_s / together_s,
        "must": must,
        "note": f"{len(rows)} users, {tokens / len(rows):.0f} tokens each for "
        f"{sum(map(len, apart)) / len(rows):.0f}; {tokens / together_s:.0f} tokens a second",
    }


def written(local: LocalModel, users: list[Asked]) -> Json:
    """Decoding of written orders, in batches against one by one; prompts are not counted."""
    prompts = [
        local.encode_chat(body["messages"]) for body in bodies("order", "numbered", users * 3)
    ]
    together_s, apart_s = (decoding_s(local, prompts, size) for size in (None, 1))
    return {
        "what": "decoding of written orders in batches, not one by one",
        "against": "naive form",
        "ratio": apart_s / together_s,
        "must": 2,
        "note": f"{len(prompts)} answers of at most {WRITTEN_TOKENS} tokens, {together_s:.1f} and "
        f"{apart_s:.1f} s",
    }


def decoding_s(local: LocalModel, prompts: list[list[int]], batch_tokens: int | None) -> float:
    """Processor time for all tokens of the answers but the first, which ends a prompt's reading."""
    first, all_tokens = (
        seconds(lambda n=n: write_answers(local, prompts, n, batch_tokens=batch_tokens))
        for n in (1, WRITTEN_TOKENS)
    )
    return all_tokens - first


def gemm_share(local: LocalModel, users: list[Asked]) -> Json:
    """The rate of reading prompts in batches, as a share of that of large matrix products."""
    chats = [body["chats"][0] for body in bodies("yes-no", "yes-no", users * 2)]
    rows = [yes_no_question(local, [chat]) for chat in chats]
    with FlopCounterMode(display=False) as counter:
        log_probabilities(local, rows)
    read_s = seconds(lambda: log_probabilities(local, rows))
    tokens, share = sum(map(len, rows)), counter.get_total_flops() / read_s / peak_flops()
    return {
        "what": f"reading prompts in batches, {local.dtype}",
        "note": f"{share:.0%} of the rate of large matrix products (at least 40%); "
        f"{tokens / read_s:.0f} tokens a second",
    }


def kept_answers() -> Json:
    """A whole run of 10,000 kept answers, without the model."""
    subset, catalogue = many_users(KEPT)
    loaded = load_prompt(ROOT / "resources/prompts/likelihood.yaml")
    ask = ask_of("bench", {"ask": "likelihood", "prompt": "likelihood"}, loaded, None)
    section = {"adapter": "local", "model": "m", "dtype": "float32", "checksum": "sha256:0"}
    with tempfile.TemporaryDirectory() as folder:
        session = Session("llms.bench", section, Store(folder, offline=True))
        keep_all(ask, session.settings, session.store, subset, catalogue)
        began = time.perf_counter()
        query_local_llm(subset, catalogue, ask, session, seed=1)
        took_s = time.perf_counter() - began
    return {
        "what": f"a run of {KEPT:,} kept local answers",
        "note": f"{took_s:.2f} s (at most 5), the model is not loaded",
    }


def many_users(n: int) -> tuple[pa.Table, pa.Table]:
    """Tables SUBSET and ITEMS of n users with a list each."""
    items = list(range(1, 1001))
    columns = [items, items, [f"a title of item {item}" for item in items], [1] * len(items)]
    catalogue = pa.table(columns, names=tables.ITEMS.names).cast(tables.ITEMS)
    lists = [[1 + (user + place) % 1000 for place in range(30)] for user in range(n)]
    subset = pa.table(
        {
            "user_id": list(range(n)),
            "ground_truth": [row[-1] for row in lists],
            "ground_truth_rank": [CANDIDATES] * n,
            "history": [[user % 1000 + 1, *row[:9]] for user, row in enumerate(lists)],
            "candidates": [row[10:] for row in lists],
        }
    )
    return subset.cast(tables.SUBSET), catalogue


def keep_all(
    ask: Any, settings: LocalSettings, store: Store, subset: pa.Table, catalogue: pa.Table
) -> None:
    """Put an answer to every question into the store."""
    users = asked_users(subset, catalogue, ask, seed=1, passes=1, shuffle=False)
    for user in users:
        [body] = ask.bodies(user)
        n = len(body["endings"])
        answer = {"log_probabilities": [-1.0] * n, "n_tokens": [2] * n}
        usage = {"prompt_tokens": 1, "completion_tokens": 0}
        store.put(Entry(settings.request(ask.name, body), json.dumps(answer), usage=usage))


def seconds(work: Callable[[], Any]) -> float:
    """Processor time of one run."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
