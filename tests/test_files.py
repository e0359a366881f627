"""Files are whole or absent, and a disk that cannot take them is told in one line."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from microrank.errors import StudyError
from microrank.files import file_checksum, read_csv, read_json, replacing, write_text
from microrank.nfm.checkpoint import save_tensors

ROOT = Path(__file__).parent.parent


def test_a_file_appears_when_the_block_ends_well(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    write_text(target, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "new \ud800")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


KILLED = """
import os, signal, sys
from microrank.files import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("a part")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_leaves_is_gone_when_the_file_is_written_again(tmp_path: Path) -> None:
    target = tmp_path / "metrics.csv"
    for _ in range(3):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, target],
            env={**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts")},
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL
        assert not target.exists()
        assert len(list(tmp_path.iterdir())) == 1, "one leftover, however often"
    write_text(target, "whole")
    assert list(tmp_path.iterdir()) == [target]
    assert target.read_text() == "whole"


def test_a_file_and_its_name_are_on_the_disk_before_it_counts_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut cannot be tried here; the order of the calls that guard against one can."""
    done: list[str] = []
    sync, rename = os.fsync, os.replace

    def noted_sync(handle: int) -> None:
        done.append(f"sync {Path(os.readlink(f'/proc/self/fd/{handle}')).name}")
        sync(handle)

    def noted_rename(old: Path, new: Path) -> None:
        done.append(f"rename {new.name}")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", noted_sync)
    monkeypatch.setattr(os, "replace", noted_rename)
    write_text(tmp_path / "file", "text")
    assert done == ["sync .file.part", "rename file", f"sync {tmp_path.name}"]


def test_a_block_that_writes_nothing_leaves_no_empty_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_text(path, "text"),
        lambda path: save_tensors(path, {"x": torch.zeros(3)}, {}),
    ],
    ids=["text", "safetensors"],
)
def test_a_file_has_the_rights_that_the_user_gives_new_files(
    tmp_path: Path, write: Callable
) -> None:
    before = os.umask(0o027)
    try:
        write(tmp_path / "file")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "No space left on device); make room"),
        (errno.EROFS, "Read-only file system); make it writable"),
    ],
)
def test_a_disk_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, number: int, says: str
) -> None:
    target = tmp_path / "file"
    write_text(target, "old")
    with pytest.raises(StudyError) as error, replacing(target):
        raise OSError(number, "whatever pyarrow says")
    assert str(error.value) == f"{target}: cannot be written ({says} and run again"
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file"):
        (tmp_path / "absent").read_text()


@pytest.mark.parametrize("text", ["", '{"a": [1,', '{"a": NaN', '{"a": 1}}', "\x00\x00"])
def test_json_that_is_cut_or_altered_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(
        StudyError, match=r"a\.json: not a complete JSON file .*; delete the file and run again"
    ):
        read_json(tmp_path / "a.json")


def test_a_csv_cut_anywhere_is_named_but_at_the_end_of_a_row(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.csv", 'name,value\nx,1.25\n"a,b",22\nz,3\n'
    for end in range(len(whole)):
        path.write_text(whole[:end])
        if whole[:end].count("\n") and whole[end - 1] == "\n":
            assert len(read_csv(path, ["name", "value"])) == whole[:end].count("\n") - 1
        else:
            with pytest.raises(
                StudyError,
                match=r"a\.csv: not a complete table with the columns name, value; delete",
            ):
                read_csv(path, ["name", "value"])
    path.write_text(whole)
    assert read_csv(path, ["value"])[1] == {"name": "a,b", "value": "22"}
    with pytest.raises(StudyError, match="columns number"):
        read_csv(path, ["number"])


@pytest.mark.parametrize("read", [read_json, lambda path: read_csv(path, ["a"])])
def test_a_text_that_is_absent_or_no_text_is_named(tmp_path: Path, read: Callable) -> None:
    with pytest.raises(StudyError, match=r"absent: no such file; run the rule that makes it"):
        read(tmp_path / "absent")
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        StudyError,
        match=r"folder: cannot be read \(Is a directory\); mend its rights or its disk and run again",
    ):
        read(tmp_path / "folder")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StudyError, match=r"binary: not a complete text file"):
        read(tmp_path / "binary")


def test_text_has_the_same_line_ends_everywhere(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "a\nb\r\n")
    assert (tmp_path / "file").read_bytes() == b"a\nb\r\n"


def test_checksums_are_those_of_sha256sum_and_git(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    sha256 = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    git_sha1 = "git-sha1:f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"
    assert file_checksum(tmp_path / "file") == sha256
    assert file_checksum(tmp_path / "file", "git-sha1") == git_sha1
