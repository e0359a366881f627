"""Cross-encoders in this process: tiny ones made on the spot, held to sentence-transformers."""

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from made_up_lists import catalogue, order_of, subset
from microrank.errors import StudyError
from microrank.llm.prompts import load_prompt
from microrank.local_llm.asks import ask_of
from microrank.local_llm.planned_requests import planned_locally
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.session import Session
from microrank.rerank.llm import rerank_llm
from microrank.services.forecast import forecast
from microrank.services.store import Store
from microrank.shards import Shard
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

PROMPT = load_prompt(Path(__file__).parents[2] / "resources/prompts/relevance.yaml")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "cats", "dogs", "news", "tea", "pies", "cars"]
TITLES = {1: "cats", 2: "dogs", 3: "news", 4: "tea pies", 5: "cars", 6: ""}
WORTH = {"news": 3.0, "cats": 2.0, "tea pies": 1.0, "dogs": 0.0, "cars": -2.0, "(no title)": -4.0}
USERS = subset([[1], [2, 3], [4]], [[5, 4, 2, 1], [3, 1, 6, 5], [1, 2, 3, 4]])
ITEMS = catalogue(TITLES)
WHOLE = Shard()


def tokenizer() -> PreTrainedTokenizerFast:
    """A token a word, in pairs as BERT has them."""
    numbers = {word: number for number, word in enumerate(WORDS)}
    backend = Tokenizer(models.WordLevel(numbers, "[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(
        "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", [("[CLS]", 2), ("[SEP]", 3)]
    )
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, sep_token="[SEP]", model_max_length=64, **special
    )


def tiny_bert(n_labels: int = 1) -> BertForSequenceClassification:
    torch.manual_seed(4)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2}
    config = BertConfig(vocab_size=len(WORDS), num_attention_heads=2, num_labels=n_labels, **sizes)
    return BertForSequenceClassification(config)


def saved(model: BertForSequenceClassification, path: Path) -> Path:
    model.save_pretrained(path)
    tokenizer().save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model that was taught what each title is worth, whatever the history."""
    model, encode = tiny_bert(), tokenizer()
    pairs = [(query, document) for query in ("cats", "news dogs", "tea") for document in WORTH]
    batch = encode(*map(list, zip(*pairs, strict=True)), return_tensors="pt", padding=True)
    worth = torch.tensor([WORTH[document] for _, document in pairs])
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(150):
        optimiser.zero_grad()
        loss = ((model(**batch).logits[:, 0] - worth) ** 2).mean()
        loss.backward()
        optimiser.step()
    return saved(model.eval(), tmp_path_factory.mktemp("models") / "tiny-cross-encoder")


def session(store: Store, folder: Path, **changes) -> Session:
    section = {"adapter": "cross-encoder", "model": str(folder), "device": "cpu", **changes}
    return Session("llms.tiny", section, store)


def queried(local: Session, shard: Shard = WHOLE) -> pa.Table:
    ask = ask_of("tiny", {"prompt": "relevance", "ask": "relevance"}, PROMPT, None)
    return query_local_llm(USERS, ITEMS, ask, local, seed=7, shard=shard)


def test_scores_are_those_of_sentence_transformers_before_its_activation(folder, tmp_path) -> None:
    from sentence_transformers import CrossEncoder

    table = queried(session(Store(tmp_path), folder))
    model = CrossEncoder(str(folder), device="cpu", activation_fn=torch.nn.Identity())
    pairs = [("news\ndogs", title) for title in ("news", "cats", "(no title)", "cars")]
    np.testing.assert_allclose(table["scores"].to_pylist()[1], model.predict(pairs), rtol=1e-4)
    assert table["kind"].to_pylist() == ["scores"] * 3


def test_the_order_that_was_taught_comes_out(folder, tmp_path) -> None:
    ranked = rerank_llm(USERS, queried(session(Store(tmp_path), folder)), "relevance").rankings
    assert order_of(ranked, 10) == [1, 4, 2, 5]
    assert order_of(ranked, 20) == [3, 1, 5, 6]
    assert order_of(ranked, 30) == [3, 1, 4, 2]


def test_scores_are_kept_replayed_without_the_model_and_the_same_in_shards(
    folder, tmp_path
) -> None:
    moved, store = tmp_path / "tiny", Store(tmp_path / "store")
    shutil.copytree(folder, moved)
    local = session(store, moved)
    parts = [queried(local, Shard(index, 2)) for index in range(2)]
    assert local.settings.weights.startswith("sha256:")
    shutil.rmtree(moved)
    replayed = session(Store(store.folder, offline=True), moved, checksum=local.settings.weights)
    whole = queried(replayed)
    assert [row for part in parts for row in part.to_pylist()] == whole.to_pylist()
    assert len(list(store.paths())) == len(USERS)


def test_the_forecast_counts_its_questions_as_free(folder, tmp_path) -> None:
    mine = {"llm": "tiny", "prompt": "relevance", "ask": "relevance"}
    section = {"adapter": "cross-encoder", "model": str(folder)}
    config = {"seed": 7, "store": {"path": str(tmp_path)}, "llms": {"tiny": section}}
    plan = planned_locally(config | {"rerankers": {"mine": mine}}, "mine", USERS, ITEMS, PROMPT)
    assert (plan.is_free, plan.is_local) == (True, True)
    assert forecast(plan, Store(tmp_path), set()).missing == 3
    queried(session(Store(tmp_path), folder))
    outlook = forecast(plan, Store(tmp_path), set())
    assert (outlook.kept, outlook.missing) == (3, 0)


def test_what_is_no_cross_encoder_is_named(tmp_path) -> None:
    two = saved(tiny_bert(n_labels=2), tmp_path / "two")
    with pytest.raises(StudyError, match="has 2 labels where a cross-encoder that ranks has one"):
        queried(session(Store(tmp_path / "store"), two))
    (tmp_path / "empty").mkdir()
    with pytest.raises(StudyError, match=r"has no \*\.safetensors file"):
        queried(session(Store(tmp_path / "store"), tmp_path / "empty"))
    broken = tmp_path / "broken"
    shutil.copytree(two, broken)
    (broken / "config.json").write_text("{")
    with pytest.raises(StudyError, match="cannot be loaded"):
        queried(session(Store(tmp_path / "store"), broken))


def test_numbers_that_are_not_finite_are_no_scores(tmp_path) -> None:
    model = tiny_bert()
    with torch.no_grad():
        model.classifier.bias.fill_(float("nan"))
    with pytest.raises(StudyError, match="does not give one finite number"):
        queried(session(Store(tmp_path / "store"), saved(model, tmp_path / "nan")))
    assert list(Store(tmp_path / "store").paths()) == []
