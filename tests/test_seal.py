"""The seal: what was fixed before the first question, and what changed after it."""

import json
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from commandline import edit_config, planned_jobs, run
from hypothesis import given
from hypothesis import strategies as st
from microrank.clock import now
from microrank.errors import StudyError
from microrank.report.sealed import seal_line, seal_section
from microrank.seal import Seal, Seals, answers_by, changes, keep_seal, kept_seals, seals_file
from microrank.services.store import Entry, Store
from report.study import study as made_study

SETTINGS = {
    "seed": 1,
    "subset": {"sample_size": 100},
    "llms": {"llama": {"model": "a/llama", "price": {"input": 1.0}}},
    "report": {"margin": 0.05, "explorer_users": 10},
}


def seal(**changed: object) -> Seal:
    given = {
        "settings": SETTINGS,
        "files": {"prompts/study.yaml": "sha256:00"},
        "order": np.arange(5),
        "time": "2026-11-26 19:30",
        "kept_answers": 0,
    }
    return Seal.of(**{**given, **changed})  # type: ignore[arg-type]


def test_the_first_seal_stays_and_a_later_one_is_added_where_something_changed(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    first = seal()
    assert keep_seal(store, "study", first) == Seals(first, [first])
    same = seal(time="2026-11-27 08:00")
    assert keep_seal(store, "study", same) == Seals(same, [first])
    larger = seal(settings={**SETTINGS, "subset": {"sample_size": 400}})
    assert keep_seal(store, "study", larger).kept == [first, larger]
    assert keep_seal(store, "study", first).kept == [first, larger, first]
    assert keep_seal(store, "another", larger).kept == [larger]
    assert list(store.paths()) == [], "a seal is no answer"


def test_jobs_that_begin_together_count_as_one_seal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep_seal(store, "study", seal())
    path = seals_file(store, "study")
    path.write_text(path.read_text() * 3)
    assert kept_seals(store, "study") == [seal()]


def test_changes_name_the_setting_the_file_and_the_order() -> None:
    other = seal(
        settings={**SETTINGS, "subset": {"sample_size": 400}, "methods": ["a"]},
        files={"prompts/study.yaml": "sha256:01", "methods/own.py": "sha256:02"},
        order=np.arange(5)[::-1],
    )
    assert changes(seal(), other) == [
        '`methods`: none → ["a"]',
        "`subset.sample_size`: 100 → 400",
        "`methods/own.py`: added",
        "`prompts/study.yaml`: edited",
        "the order of users",
    ]
    assert changes(other, seal())[2] == "`methods/own.py`: removed"


def test_prices_and_what_is_shown_are_not_sealed() -> None:
    idle = {
        **SETTINGS,
        "llms": {"llama": {"model": "a/llama", "price": {"input": 9.0}}},
        "report": {"margin": 0.05, "explorer_users": 5},
    }
    assert seal(settings=idle).hash == seal().hash


@given(st.permutations(range(6)))
def test_the_hash_is_of_the_order_and_not_of_the_set_of_users(order: list[int]) -> None:
    same = seal(order=np.array(order)).hash == seal(order=np.arange(6)).hash
    assert same == (order == sorted(order))


def test_a_store_that_is_offline_or_cannot_be_written_keeps_no_seal(tmp_path: Path) -> None:
    assert keep_seal(Store(tmp_path / "a", offline=True), "study", seal()).kept == []
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    assert keep_seal(Store(tmp_path / "file"), "study", seal()).kept == []


def test_a_disk_that_fills_up_leaves_no_half_seal(tmp_path: Path) -> None:
    store = Store(tmp_path)
    keep_seal(store, "study", seal())
    room = seals_file(store, "study").stat().st_size + 100
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        keep_seal(store, "study", seal(order=np.arange(6)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert kept_seals(store, "study") == [seal()]
    keep_seal(store, "study", seal(order=np.arange(6)))
    assert len(kept_seals(store, "study")) == 2


def test_a_damaged_list_of_seals_is_named(tmp_path: Path) -> None:
    (tmp_path / "seals").mkdir()
    (tmp_path / "seals/study.jsonl").write_text("{}\n")
    with pytest.raises(StudyError, match=r"study\.jsonl: is no list of seals"):
        keep_seal(Store(tmp_path), "study", seal())


def test_answers_that_were_kept_before_are_counted_by_model(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number, model in enumerate(["a/llama", "a/llama", "another"]):
        store.put(Entry({"adapter": "openai-chat", "body": {"model": model}, "pass": number}, "{}"))
    assert answers_by(store, ["a/llama"]) == 2
    assert answers_by(store, ["a/llama", "another"]) == 3
    assert answers_by(store, []) == 0


def test_the_report_tells_in_plain_words_what_the_seal_shows() -> None:
    first = seal()
    larger = seal(settings={**SETTINGS, "subset": {"sample_size": 400}})
    late = replace(first, kept_answers=1200)

    def line(now: Seal, *kept: Seal) -> str:
        return seal_line(made_study(seals=Seals(now, list(kept))))

    assert line(first, first) == (
        "The study was sealed on 2026-11-26 19:30 UTC (before the first question); nothing was "
        "changed since."
    )
    assert line(larger, first, larger).endswith(
        "**changed since: `subset.sample_size`: 100 → 400.**"
    )
    assert "changed meanwhile (2 times), and is now as it was" in line(first, first, larger, first)
    assert "when 1,200 answers of its models were kept already" in line(late, late)
    assert "keeps no seal" in line(first)
    assert seal_section(made_study()) == []
    (section,) = seal_section(made_study(seals=Seals(larger, [first, larger])))
    assert larger.hash in repr(section.blocks)
    assert first.hash in repr(section.blocks)


def test_another_day_can_be_set_for_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1780000000")
    assert now() == "2026-05-28 20:26"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    assert now() > "2026-05-28 20:26"


def test_a_study_is_sealed_before_it_asks_and_a_change_after_it_is_told(study: Path) -> None:
    path = study / "resources/store/seals/sample.jsonl"
    (first,) = map(json.loads, path.read_text().splitlines())
    assert first["kept_answers"] == 0
    text = (study / "results/report.md").read_text()
    assert "(before the first question); nothing was changed since." in text
    edit_config(study, {"report": {"margin": 0.04}})
    again = {"score_rankings", "draw_figures", "write_report", "copy_report"}
    assert set(planned_jobs(study)) - {"all"} == again
    done = run(study, "results/report.md")
    assert done.returncode == 0, done.stdout
    assert (
        "changed since: `report.margin`: 0.05 → 0.04" in (study / "results/report.md").read_text()
    )
    assert len(path.read_text().splitlines()) == 1, "nobody was asked since"
