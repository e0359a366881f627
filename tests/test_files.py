"""Files are whole or absent, and a disk that cannot take them is told in one line."""

import errno
from pathlib import Path

import pytest
from microrank.errors import StudyError
from microrank.files import replacing, write_text


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


@pytest.mark.parametrize(
    ("number", "says"),
    [(errno.ENOSPC, "No space left on device); make room"), (errno.EROFS, "Read-only file system); make it writable")],
)
def test_a_disk_that_cannot_be_written_is_told_in_one_line(tmp_path: Path, number: int, says: str) -> None:
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


def test_text_has_the_same_line_ends_everywhere(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "a\nb\r\n")
    assert (tmp_path / "file").read_bytes() == b"a\nb\r\n"
