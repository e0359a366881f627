"""Checksums of raw files."""

import subprocess
from pathlib import Path

import pytest
from microrank.data.checksums import verify_checksums
from microrank.errors import StudyError
from microrank.files import file_checksum

ABC = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.csv"
    path.write_bytes(b"abc")
    return path


def test_sha256_of_a_known_text(file: Path) -> None:
    assert file_checksum(file, "sha256") == ABC


def test_git_sha1_is_what_git_says(file: Path) -> None:
    said = subprocess.run(
        ["git", "hash-object", "--no-filters", str(file)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert file_checksum(file, "git-sha1") == f"git-sha1:{said}"


def test_right_and_undeclared_files_pass(file: Path, tmp_path: Path) -> None:
    verify_checksums(
        [file, tmp_path / "absent.csv"], {"pairs.csv": ABC, "absent.csv": ABC, "other.csv": ABC}
    )
    verify_checksums([file], {})


def test_a_wrong_checksum_names_file_found_expected_and_what_to_do(file: Path) -> None:
    file.write_bytes(b"ab")
    with pytest.raises(StudyError) as error:
        verify_checksums([file], {"pairs.csv": ABC})
    said = str(error.value)
    assert said.startswith(
        f"{file}: checksum is "
        "sha256:fb8e20fc2e4c3f248c60c39bd652f3c1347298bb977b8b4d5903b85055620603, "
        f"but {ABC} is declared"
    )
    assert "fetched again" in said
    assert "remove 'pairs.csv' from `checksums`" in said


def test_an_unknown_kind_is_told(file: Path) -> None:
    with pytest.raises(StudyError, match="there is no kind 'md5'"):
        verify_checksums([file], {"pairs.csv": "md5:900150983cd24fb0d6963f7d28e17f72"})
