"""A real chat server, `transformers serve`, with a tiny Llama of random weights.

It proves the protocol, and says nothing of quality.
"""

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from microrank.errors import StudyError
from microrank.services.budget import Budget
from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.completion import read_completion
from microrank.services.preflight import check_chat, preflight_page
from microrank.services.served import plain_model
from microrank.services.settings import Service
from services.scripted import questions

# Messages between marks; the model's end mark is </s>.
TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}</s>{% endfor %}"
    "<assistant>"
)


def make_tiny_llama(folder: Path) -> None:
    """Half a megabyte of Llama: two layers, random weights, a byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(
        models.BPE(
            vocab={mark: n for n, mark in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))},
            merges=[],
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=4096,
        bos_token_id=fast.bos_token_id,
        eos_token_id=fast.eos_token_id,
        pad_token_id=fast.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    # Every eighth byte ends an answer, so that most of the babble ends by itself.
    model.generation_config.eos_token_id = [fast.eos_token_id, *range(0, 256, 8)]
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, ChatSettings]]:
    missing = [
        name for name in ("fastapi", "uvicorn", "openai") if importlib.util.find_spec(name) is None
    ]
    if missing:
        pytest.skip(
            f"transformers serve needs {', '.join(missing)}: pip install 'transformers[serving]'"
        )
    folder = tmp_path_factory.mktemp("tiny-llama")
    make_tiny_llama(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = shutil.which("transformers", path=str(Path(sys.executable).parent)) or "transformers"
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        [
            command,
            "serve",
            str(folder),
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--device",
            "cpu",
        ],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", process, folder / "server.log")
        base_url = f"http://127.0.0.1:{port}/v1"
        service = Service(
            "llms.llama", base_url, concurrency=2, timeout_s=60, max_tries=2, first_wait_s=0.1
        )
        yield (
            service,
            ChatSettings(
                model=str(folder), base_url=base_url, max_tokens=64, temperature=1.0, seed=1
            ),
        )
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


def _wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(url, timeout=1).status_code == 200:
                return
        except requests.RequestException:
            time.sleep(0.2)
    pytest.fail(f"transformers serve did not come up: {log.read_text()[-2000:]}")


def test_a_real_servers_answers_are_kept_whole_or_not_at_all(llama, store):
    service, settings = llama
    with pytest.raises(StudyError, match=r"cut at max_tokens \(1\): raise max_tokens"):
        ask_chat(questions(settings, 1, max_tokens=1), service, store)
    assert list(store.paths()) == []
    asked = questions(settings, 20)
    with suppress(StudyError):  # some of the babble is empty or does not end
        ask_chat(asked, service, store)
    kept = {
        name: entry for name, request in asked.items() if (entry := store.get(request)) is not None
    }
    assert kept
    for entry in kept.values():
        answer = read_completion(entry.body)
        assert answer.text
        assert answer.finish_reason == "stop"
        assert plain_model(answer.served_model) == plain_model(settings.model)
        assert answer.prompt_tokens > 0
        assert 0 < answer.completion_tokens <= 64
    nobody = replace(service, base_url="http://127.0.0.1:9/v1")
    assert list(ask_chat({name: asked[name] for name in kept}, nobody, store)) == list(kept)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model": "nobody"}, "status 400: Server is pinned to"),
        ({"extra": {"temperature": "warm"}, "temperature": None}, "status 4|status 5"),
    ],
)
def test_a_real_servers_refusals_are_told_with_its_words(
    llama, store, change: dict, complaint: str
):
    service, settings = llama
    with pytest.raises(StudyError, match=complaint):
        ask_chat(questions(settings, 2, **change), service, store)


def test_preflight_of_a_real_server(llama):
    service, settings = llama
    page = preflight_page({"llms.llama": lambda: check_chat(service, settings, Budget())})
    assert "## llms.llama: ready" in page
    assert "| response_format (json_schema) | accepted but ignored" in page
