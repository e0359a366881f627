"""A small study with all kinds of methods, and titles and answers that try to break out."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from made_up import as_rankings, made_up_subset, perfect, shuffled
from microrank import tables
from microrank.evaluation.diagnose import Answers, diagnose_rankings
from microrank.evaluation.recommender import (
    ListQuality,
    PopularityComparison,
    RecommenderMetrics,
)
from microrank.evaluation.score import score_rankings
from microrank.evaluation.settings import Scoring
from microrank.llm.answer_counts import AnswerCounts
from microrank.llm.prompts import load_prompt
from microrank.methods import Methods
from microrank.report.explorer import Exchange, Users
from microrank.report.figures import draw_figures
from microrank.report.html import Template
from microrank.report.study import Study
from microrank.report.write import Written, write_report
from microrank.rerank.fusion_choice import CurvePoint, FusionChoice
from microrank.rerank.repairs import Repairs

ROOT = Path(__file__).parents[2]
N = 40
TRUTH = np.arange(N) % 20 + 1
SUBSET = made_up_subset(TRUTH)
ATTACK = (
    "</script><script>document.title='broken'</script>"
    "<img src=x onerror=\"document.title='broken'\"> & `code` | **bold**"
)
CURVE = (CurvePoint(0.0, 0.2, 0.05), CurvePoint(0.5, 0.4, 0.05), CurvePoint(1.0, 0.3, 0.05))
RERANKERS = {
    "best": {"encoder": "minilm", "history": "text"},
    "chance": {"reference": "random"},
    "simulated-study": {"llm": "simulated", "prompt": "study"},
    "llama": {"llm": "llama", "prompt": "study"},
    "mixed": {"fusion": "z-score", "of": ["nfm", "simulated-study"]},
}
ADAPTERS = {"simulated": {"adapter": "simulated"}, "llama": {"adapter": "openai-chat"}}

RECOMMENDER = RecommenderMetrics(
    n_users=1000,
    hit_users=200,
    share_never_trained=0.045,
    ceiling=0.955,
    all_users=ListQuality(1000, {"HR@5": 0.017, "HR@10": 0.029, "HR@20": 0.2}),
    trained_targets=ListQuality(955, {"HR@5": 0.018, "HR@10": 0.03, "HR@20": 0.21}),
    popularity=PopularityComparison.of(np.arange(1, 41), np.zeros(40, int), 20),
)


def items() -> pa.Table:
    ids = np.unique(
        np.concatenate(
            [
                SUBSET[name].combine_chunks().flatten().to_numpy()
                for name in ("candidates", "history")
            ]
        )
    )
    titles = [
        ATTACK if i % 3 == 0 else "" if i % 3 == 1 else f"Title {i} 🐱" for i in range(len(ids))
    ]
    columns = {
        "item_id": ids,
        "item_index": np.arange(1, len(ids) + 1),
        "title": titles,
        "train_count": np.arange(len(ids)) % 50,
    }
    return pa.table(columns).cast(tables.ITEMS)


def responses() -> pa.Table:
    return pa.table(
        {
            "user_id": SUBSET["user_id"],
            "pass": [0] * N,
            "order": list(shuffled(N, np.random.default_rng(5))),
            "request_key": [f"key {i}" for i in range(N)],
            "text": [f"raw answer {ATTACK}"] * N,
            "finish_reason": ["stop"] * N,
            "served_model": ["model|`x`"] * N,
            "prompt_tokens": [400] * N,
            "completion_tokens": [60] * N,
            "latency_s": [0.1] * N,
            "kind": ["text"] * N,
            "scores": [None] * N,
            "reference_keys": [None] * N,
            "cached_tokens": [None] * N,
            "reasoning_tokens": [None] * N,
            "in_batch": [False] * N,
            **{f"expected_{name}": [None] * N for name in tables.EXPECTED},
        }
    ).cast(tables.RESPONSES)


def rankings() -> dict[str, pa.Table]:
    random = np.random.default_rng(1)
    made = {
        "best": perfect(TRUTH),
        "chance": shuffled(N, random),
        "simulated-study": shuffled(N, random),
        "llama": shuffled(N, random),
    }
    made["mixed"] = shuffled(N, random)
    return {name: as_rankings(SUBSET, places) for name, places in made.items()}


def methods(
    names: Sequence[str] = tuple(RERANKERS), recommender: str = "nfm", **rerankers: dict
) -> Methods:
    """The methods of these names. rerankers: settings of entries that differ from RERANKERS."""
    dataset = {} if recommender == "nfm" else {"recommendations": "x", "recommender": recommender}
    return Methods.from_config(
        {
            "dataset": "d",
            "datasets": {"d": dataset},
            "llms": ADAPTERS,
            "rerankers": {**RERANKERS, **rerankers},
            "methods": list(names),
        }
    )


def study(primary: Sequence[str] = (), **changes: object) -> Study:
    repairs = Repairs(N, 3, 10, {"foreign": 7}, AnswerCounts(N))
    read = {"order": list(shuffled(N, np.random.default_rng(6))), "named": [20] * N}
    passes = pa.table({"user_id": SUBSET["user_id"], "pass": [0] * N, **read}).cast(tables.PASSES)
    used = changes.get("methods", methods()).kinds  # type: ignore[attr-defined]
    asked = [name for name in ("simulated-study", "llama") if name in used]
    answers = dict.fromkeys(asked, Answers(responses(), passes, repairs))
    given = {
        "metrics": score_rankings(
            rankings(),
            SUBSET,
            Scoring(bootstrap_samples=200),
            dataset="microlens-100k",
            seed=1,
            primary=primary,
        ),
        "diagnostics": diagnose_rankings(rankings(), SUBSET, items(), answers),
        "counts": {
            "users": 1000,
            "test_share_never_trained": 0.045,
            "raw_files": {"resources/x/pairs.tsv": "sha256:00"},
        },
        "nfm": RECOMMENDER,
        "settings": {
            "study": "microlens-100k",
            "dataset": "microlens-100k",
            "synthetic": False,
            "subset": {"population": "hits", "sample_size": N, "history_length": 3},
            "nfm": {
                **{
                    "dimension": 1024,
                    "relu_on_score": True,
                    "batch_size": 64,
                    "batch_candidates": "chunk_items",
                    "learning_rate": 0.0001,
                },
                "refit": False,
            },
            "rerankers": RERANKERS,
            "encoders": {"minilm": {"model": "minilm"}},
            "llms": {
                "simulated": {"model": "word-overlap"},
                "llama": {
                    "model": "meta-llama/Meta-Llama-3-8B-Instruct:x",
                    "price": {"input": 1.0, "output": 2.0},
                },
            },
        },
        "methods": methods(),
        "versions": {"python": "3.11"},
        "fusions": {
            "mixed": FusionChoice("z-score", ("nfm", "simulated-study"), 0.5, 9, "ndcg@10", CURVE)
        },
    }
    return Study(**{**given, **changes})  # type: ignore[arg-type]


def figures(one: Study, folder: Path) -> dict[str, Path]:
    curve = folder / "training.csv"
    curve.write_text(
        "half_epoch,step,loss,valid_ndcg@10\n1,10,6.0,0.01\n2,20,5.0,0.03\n3,30,4.5,0.02\n"
    )
    paths = {
        name: folder / "figures" / f"{name}.svg"
        for name in ("hits", "positions", "flow", "training", "fusion")
    }
    draw_figures(replace(one, training=curve), paths)
    return paths


def written(one: Study, folder: Path) -> Written:
    prompt = load_prompt(ROOT / "resources/prompts/study.yaml")
    exchanges = {name: Exchange(prompt, responses()) for name in ("simulated-study", "llama")}
    users = Users(SUBSET, items(), rankings(), exchanges, 10)
    template = Template.read(
        str(ROOT / f"workflow/report/page.{kind}") for kind in ("html", "css", "js")
    )
    return write_report(one, users, figures=figures(one, folder), template=template, folder=folder)
