"""The response store: what is kept is found again, whole; what is damaged is not."""

import errno
import json
import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microrank.errors import StudyError
from microrank.services.store import Entry, Store, canonical, decode, encode, request_key

REQUEST = {
    "adapter": "openai-chat",
    "base_url": "http://x/v1",
    "body": {"model": "m", "messages": [], "temperature": 0.5},
    "pass": 0,
}
ENTRY = Entry(
    REQUEST,
    '{"a": 1}',
    served_model="m",
    usage={"prompt_tokens": 3, "completion_tokens": 4},
    latency_s=0.5,
    time="2026-01-01",
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_an_answer_is_found_by_its_request_and_by_no_other(store: Store):
    store.put(ENTRY)
    assert store.get(REQUEST) == ENTRY
    for change in (
        {"pass": 1},
        {"base_url": "http://y/v1"},
        {"adapter": "other"},
        {"body": {**REQUEST["body"], "temperature": 0.6}},
    ):
        assert store.get({**REQUEST, **change}) is None


@given(
    request=st.dictionaries(st.text(), json_values, max_size=4),
    body=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_any_request_and_body_come_back_as_they_were(request, body):
    entry = Entry({**request, "body": {}}, body, time="2026-01-01")
    assert decode(encode(entry), entry.key) == entry


@given(request=st.dictionaries(st.text(), json_values, max_size=4))
def test_the_key_does_not_depend_on_the_order_of_fields(request):
    assert request_key(dict(reversed(request.items()))) == request_key(request)


def test_the_key_is_what_it_always_was():
    """Shipped stores depend on it."""
    assert (
        request_key(REQUEST) == "0caa5c5bb2de7471539cc67f83eea26b3a2f3b314cea921f73ae2dcc90d4c1e4"
    )


@pytest.mark.parametrize("cut", [0, 1, 100, -1, -30])
def test_a_cut_entry_is_set_aside_named_and_counts_as_missing(store: Store, caplog, cut: int):
    store.put(ENTRY)
    path = store.path(ENTRY.key)
    path.write_bytes(path.read_bytes()[:cut])
    assert store.get(REQUEST) is None
    assert str(path) in caplog.text
    assert not path.exists()
    assert len(list(path.parent.glob("*.damaged"))) == 1
    store.put(ENTRY)
    assert store.get(REQUEST) == ENTRY


def test_no_altered_byte_goes_unnoticed(store: Store):
    data = encode(ENTRY)
    for position in range(0, len(data), 7):
        altered = bytearray(data)
        altered[position] ^= 1
        with pytest.raises(ValueError, match="entry"):
            decode(bytes(altered), ENTRY.key)


def test_an_entry_under_the_name_of_another_question_is_not_its_answer(store: Store):
    other = {**REQUEST, "pass": 1}
    store.put(ENTRY)
    target = store.path(request_key(other))
    target.parent.mkdir(exist_ok=True)
    os.rename(store.path(ENTRY.key), target)
    assert store.get(other) is None


def test_the_first_of_two_writers_wins_and_both_have_its_answer(store: Store):
    store.put(ENTRY)
    assert store.put(replace(ENTRY, body="another")).body == ENTRY.body
    assert store.get(REQUEST).body == ENTRY.body


def _write_many(folder: Path, who: int) -> None:
    store = Store(folder)
    for number in range(200):
        request = {**REQUEST, "pass": number}
        assert store.put(Entry(request, f"by {who}")).body == store.get(request).body


def test_many_processes_write_the_same_store(store: Store):
    writers = [
        multiprocessing.get_context("fork").Process(target=_write_many, args=(store.folder, who))
        for who in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert len(list(store.paths())) == 200
    assert all(store.get({**REQUEST, "pass": number}) is not None for number in range(200))
    assert not list(store.folder.rglob("*.tmp"))


def test_without_hard_links_entries_are_renamed_into_place(store: Store, monkeypatch):
    def refuse(*_):
        raise PermissionError("no links here")

    monkeypatch.setattr(os, "link", refuse)
    store.put(ENTRY)
    assert store.get(REQUEST) == ENTRY
    assert not list(store.folder.rglob("*.tmp"))


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"file/.*the answer cannot be kept"):
        Store(tmp_path / "file").put(ENTRY)


def test_an_entry_that_cannot_be_read_is_one_clear_line(store: Store):
    path = store.path(ENTRY.key)
    path.mkdir(parents=True)
    with pytest.raises(StudyError, match=r"\.jsonl: cannot be read"):
        store.get(REQUEST)


def test_a_damaged_entry_in_a_folder_that_cannot_be_changed_counts_as_missing(
    store: Store, monkeypatch
):
    store.put(ENTRY)
    store.path(ENTRY.key).write_text("cut")

    def refuse(*_):
        raise PermissionError("read-only")

    monkeypatch.setattr(os, "replace", refuse)
    assert store.get(REQUEST) is None


@pytest.mark.parametrize("replaceable", [True, False])
def test_an_answer_takes_the_place_of_a_damaged_one_that_cannot_be_set_aside_or_says_so(
    store: Store, monkeypatch, replaceable: bool
):
    store.put(ENTRY)
    path = store.path(ENTRY.key)
    path.write_text("cut")
    replace = os.replace

    def refuse(old, new):
        if replaceable and not str(new).endswith(".damaged"):
            return replace(old, new)
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refuse)
    if replaceable:
        assert store.put(ENTRY) == store.get(REQUEST) == ENTRY
    else:
        with pytest.raises(
            StudyError, match=r"the answer cannot be kept \(Operation not permitted\)"
        ):
            store.put(ENTRY)
    assert not list(store.folder.rglob("*.tmp"))


def test_an_answer_and_its_name_are_on_the_disk_when_it_counts_as_kept(store: Store, monkeypatch):
    done, sync, link = [], os.fsync, os.link
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (
            done.append(Path(os.readlink(f"/proc/self/fd/{handle}")).suffix),
            sync(handle),
        ),
    )
    monkeypatch.setattr(os, "link", lambda old, new: (done.append("link"), link(old, new)))
    store.put(ENTRY)
    assert done == [".tmp", "link", "", ""], (
        "content, name, the folder's content, and the folder's own name"
    )


def test_offline_a_missing_answer_is_an_error_that_names_its_key(tmp_path: Path):
    with pytest.raises(StudyError, match=request_key(REQUEST)):
        Store(tmp_path, offline=True).missing({"user 1": REQUEST})
    Store(tmp_path, offline=True).missing({})


def test_not_a_number_is_no_part_of_a_key():
    with pytest.raises(ValueError, match="JSON"):
        canonical({"temperature": float("nan")})


def test_a_file_is_three_lines_of_json(store: Store):
    store.put(ENTRY)
    header, content, check = map(json.loads, store.path(ENTRY.key).read_text().splitlines())
    assert (header["model"], header["usage"]["prompt_tokens"]) == ("m", 3)
    assert content == {"request": REQUEST, "body": ENTRY.body}
    assert set(check) == {"sha256"}
