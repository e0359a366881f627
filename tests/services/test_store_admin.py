"""Statistics, verification, packing and unpacking; run as users run it."""

import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from random import Random

import pytest
from microrank.errors import StudyError
from microrank.services import store_admin
from microrank.services.locks import hold
from microrank.services.store import Entry, Store

SCRIPT = Path(__file__).parents[2] / "workflow/scripts/store.py"


def entry(number: int, model: str = "m") -> Entry:
    request = {
        "adapter": "openai-chat",
        "base_url": "http://x/v1",
        "body": {"model": model, "messages": []},
        "pass": number,
    }
    return Entry(
        request,
        "{}",
        usage={"prompt_tokens": 10, "completion_tokens": 2},
        cost_usd=0.5,
        time=f"2026-01-{number + 1:02}",
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for number in range(5):
        store.put(entry(number))
    store.put(entry(0, "other"))
    return store


def command(store: Store, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, SCRIPT, "--store", store.folder, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=store.folder.parent,
    )


def test_statistics_sum_answers_tokens_and_cost_of_each_model(store: Store):
    uses = store_admin.statistics(store)
    use = uses["m", "http://x/v1"]
    assert (use.answers, use.prompt_tokens, use.completion_tokens, use.cost_usd) == (5, 50, 10, 2.5)
    assert (use.first, use.last) == ("2026-01-01", "2026-01-05")
    assert uses["other", "http://x/v1"].answers == 1
    done = command(store, "statistics")
    assert done.returncode == 0
    assert "6 answers" in done.stdout


def test_verify_names_what_is_damaged_and_removes_old_leftovers_only(store: Store):
    assert command(store, "verify").returncode == 0
    path = store.path(entry(2).key)
    path.write_bytes(path.read_bytes().replace(b"2026", b"2027"))
    old, young, free, held = (
        path.parent / name for name in (".old.1.tmp", ".young.1.tmp", ".free.lock", ".held.lock")
    )
    for leftover in (old, young, free):
        leftover.touch()
    os.utime(old, (time.time() - 2 * store_admin.DAY_S,) * 2)
    with hold(held):
        done = command(store, "verify")
        assert held.exists()
    assert done.returncode == 1
    assert str(path) in done.stdout
    assert (old.exists(), young.exists(), free.exists()) == (False, True, False)


def test_a_packed_store_unpacks_to_the_same_bytes(store: Store, tmp_path: Path):
    assert store_admin.pack(store, tmp_path / "a.zip") == 6
    other = Store(tmp_path / "other")
    assert store_admin.unpack(other, tmp_path / "a.zip") == (6, 0)
    assert store_admin.unpack(other, tmp_path / "a.zip") == (0, 6)
    assert {path.name: path.read_bytes() for path in other.paths()} == {
        path.name: path.read_bytes() for path in store.paths()
    }
    store_admin.pack(other, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def _rewritten(source: Path, target: Path, change) -> Path:
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            for changed_name, data in change(name, old.read(name)):
                new.writestr(changed_name, data)
    return target


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda name, data: [(f"../{name}", data)], "manifest"),
        (lambda name, data: [(name, data.replace(b"jsonl", b"jsonx"))], "manifest"),
        (
            lambda name, data: (
                [(name, data)]
                if name == "manifest.json"
                else [(name, data.replace(b"2026", b"2027"))]
            ),
            "does not match its hash",
        ),
        (lambda name, data: [] if name == "manifest.json" else [(name, data)], "manifest"),
        (
            lambda name, data: [(name.replace("jsonl", "../x"), data.replace(b"jsonl", b"../x"))],
            "no answer's name",
        ),
        (
            lambda name, data: (
                [("/etc/x", data)] if name != "manifest.json" else [(name, b'{"/etc/x": "0"}')]
            ),
            "manifest|no answer's name",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_that_pack_did_not_make_is_refused_whole(
    store: Store, tmp_path: Path, change, complaint: str
):
    store_admin.pack(store, tmp_path / "a.zip")
    other = Store(tmp_path / "deep" / "other")
    with pytest.raises(StudyError, match=complaint):
        store_admin.unpack(other, _rewritten(tmp_path / "a.zip", tmp_path / "b.zip", change))
    assert not other.folder.exists()


def test_a_cut_file_is_one_clear_line(store: Store, tmp_path: Path):
    store_admin.pack(store, tmp_path / "a.zip")
    (tmp_path / "b.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-100])
    done = command(store, "unpack", str(tmp_path / "b.zip"))
    assert done.returncode == 1
    assert done.stderr.startswith("store.py: ")
    assert "not a whole packed store" in done.stderr
    assert done.stderr.count("\n") == 1


def test_whatever_is_wrong_with_a_file_is_one_line_and_nothing_is_taken(
    store: Store, tmp_path: Path
):
    flip_bytes(store, tmp_path, 300)


@pytest.mark.soak
def test_twenty_thousand_flipped_files_are_told_in_one_line_and_nothing_is_taken(
    store: Store, tmp_path: Path
):
    flip_bytes(store, tmp_path, 20_000)


def flip_bytes(store: Store, tmp_path: Path, times: int):
    """Unpack a packed store with some bytes changed, each time others.

    It is refused whole, or its answers are those that were packed.
    """
    store_admin.pack(store, tmp_path / "a.zip")
    packed, random = (tmp_path / "a.zip").read_bytes(), Random(1)
    answers = {path.name: path.read_bytes() for path in store.paths()}
    refused: list[str] = []
    for number in range(times):
        flipped = bytearray(packed)
        for _ in range(random.randint(1, 3)):
            flipped[random.randrange(len(flipped))] = random.randrange(256)
        (tmp_path / "b.zip").write_bytes(flipped)
        other = Store(tmp_path / f"other-{number}")
        try:
            store_admin.unpack(other, tmp_path / "b.zip")
        except StudyError as error:
            refused.append(str(error))
            assert not other.folder.exists()
        else:
            assert {path.name: path.read_bytes() for path in other.paths()} == answers
            shutil.rmtree(other.folder)
    assert len(refused) > times / 2
    assert [
        line for line in refused if "\n" in line or not line.startswith(f"{tmp_path / 'b.zip'}: ")
    ] == []


def _one_entry(name: str, data: bytes, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", compression) as archive:
        archive.writestr(name, data)
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (_one_entry("manifest.json", b"[]"), "manifest"),
        (_one_entry("manifest.json", b'"aa"'), "manifest"),
        (_one_entry("manifest.json", b"[" * 100_000), "manifest"),
        (_one_entry("manifest.json", b'{"x": []}'), "manifest"),
        (
            _one_entry("manifest.json", b"{}").replace(b"\x00\x00\x08\x00", b"\x01\x00\x08\x00"),
            "encrypted",
        ),
        (_one_entry("manifest.json", b"{}", zipfile.ZIP_LZMA), "manifest"),
        (b"", "not a whole"),
        (b"PK\x05\x06" + bytes(18), "manifest"),
    ],
)
def test_a_foreign_file_is_one_clear_line(
    store: Store, tmp_path: Path, content: bytes, complaint: str
):
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(StudyError, match=complaint):
        store_admin.unpack(store, tmp_path / "a.zip")


def test_an_absent_file_is_named(store: Store, tmp_path: Path):
    with pytest.raises(StudyError, match=r"a\.zip: no such file"):
        store_admin.unpack(store, tmp_path / "a.zip")


def test_drop_counts_first_and_deletes_when_told_to(store: Store):
    assert "would delete 5 answers of m" in command(store, "drop", "m").stdout
    assert len(list(store.paths())) == 6
    assert "deleted 5 answers of m" in command(store, "drop", "m", "--yes").stdout
    assert [use.answers for use in store_admin.statistics(store).values()] == [1]
