"""A bundle describes itself as an RO-Crate that the library itself reads."""

import hashlib
import json
import time
from pathlib import Path

import pytest
from microrank.crate import METADATA, describe
from rocrate.rocrate import ROCrate

CONTENTS = {
    "README.md": b"how",
    "bundle.yaml": b"dataset: sample-bundle",
    "report.md": b"# report",
    "7/embeddings/minilm.histories.parquet": b"PAR1",
    "7/recommendations.parquet": b"PAR1",
    "prompts/study.yaml": b"user: x",
    "answers/ab/abc.jsonl": b"{}",
    "answers/cd/cde.jsonl": b"{}",
}


def test_the_library_reads_what_each_file_is_and_finds_it(tmp_path: Path) -> None:
    for name, data in {
        **CONTENTS,
        METADATA: describe("short", CONTENTS, "a1", "2026-01-02"),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    crate = ROCrate(tmp_path)
    assert crate.name == "The study short to replay"
    assert crate.root_dataset["datePublished"] == "2026-01-02"
    files = {entity.id: entity for entity in crate.data_entities}
    assert set(files) == {name for name in CONTENTS if "answers" not in name} | {"answers/"}
    assert files["answers/"]["name"] == "2 kept answers of models, one file each"
    lists = files["7/recommendations.parquet"]
    assert lists["name"] == "the recommender's lists"
    assert lists["sha256"] == hashlib.sha256(b"PAR1").hexdigest()
    assert lists["contentSize"] == "4"
    histories = files["7/embeddings/minilm.histories.parquet"]
    assert histories["name"] == "an encoder's vectors of histories"
    assert crate.get("#microrank")["version"] == "a1"
    assert crate.get("#run")["result"].id == "./"


def test_the_description_has_the_same_bytes_at_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    first = describe("short", CONTENTS, None, None)
    time.sleep(1.1)  # the library's own date has seconds
    again = describe("short", dict(reversed(CONTENTS.items())), None, None)
    assert first == again
    graph = json.loads(first)["@graph"]
    assert not [entity for entity in graph if "datePublished" in entity]
