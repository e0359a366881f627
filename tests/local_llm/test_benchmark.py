"""The benchmark of local models runs: here without a model, on few answers."""

import sys

import pytest
from commandline import ROOT


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import local_llm

    yield local_llm
    for name in ("local_llm", "peak"):
        sys.modules.pop(name, None)


def test_kept_answers_are_read_again_without_the_model(benchmark, monkeypatch) -> None:
    monkeypatch.setattr(benchmark, "KEPT", 30)
    row = benchmark.kept_answers()
    assert row["what"] == "a run of 30 kept local answers"
    assert "the model is not loaded" in row["note"]


def test_what_llama_cpp_needs_is_named_where_it_is_absent(benchmark, tmp_path) -> None:
    import llama_cpp

    (tmp_path / "node_modules/node-llama-cpp").mkdir(parents=True)
    absent = llama_cpp.what_is_absent(tmp_path, tmp_path / "none.gguf", tmp_path)
    assert absent in {"Node.js", str(tmp_path / "none.gguf")}
