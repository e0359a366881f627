"""A bundle from a stranger: a good one is unpacked; what could do harm is refused in one line."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from random import Random

import pytest
import yaml
from microrank.bundle_unpack import unpack_bundle
from microrank.errors import StudyError
from microrank.services.store import Entry, encode

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "workflow/scripts/unpack_bundle.py"
ENTRY = Entry(
    {
        "adapter": "openai-chat",
        "base_url": "http://x/v1",
        "body": {"model": "m", "messages": []},
        "pass": 0,
    },
    "{}",
    time="2026-01-01",
)
ANSWER = f"bundle/answers/{ENTRY.key[:2]}/{ENTRY.key}.jsonl"
SETTINGS = {
    "dataset": "x-bundle",
    "seed": 1,
    "datasets": {
        "x-bundle": {
            "pairs": "a",
            "titles": "b",
            "recommendations": "bundle/recommendations.parquet",
        }
    },
    "llms": {"m": {"adapter": "openai-chat", "model": "m", "base_url": "https://x/v1"}},
    "rerankers": {"m": {"llm": "m", "prompt": "study"}},
    "methods": ["m"],
    "store": {"path": "bundle/answers", "offline": True},
}


def bundle(folder: Path, more: dict[str, bytes] | None = None, **changes: object) -> Path:
    files = {
        "bundle/bundle.yaml": yaml.safe_dump(SETTINGS | changes).encode(),
        ANSWER: encode(ENTRY),
        "bundle/1/recommendations.parquet": b"PAR1",
    }
    with zipfile.ZipFile(folder / "bundle.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (files | (more or {})).items():
            archive.writestr(name, data)
    return folder / "bundle.zip"


def test_a_bundle_of_an_older_version_is_unpacked_under_todays_names(tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle(tmp_path)) as archive:
        entries = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    recipe = {"batch_candidates": "slots", "dimension": 64}
    old = SETTINGS | {"nfm": {"recipe": "r", "recipes": {"r": recipe}}}
    text = yaml.safe_dump(old).replace("bundle/", "kit/")
    with zipfile.ZipFile(tmp_path / "kit.zip", "w") as archive:
        for name, data in (entries | {"bundle/bundle.yaml": text.encode()}).items():
            renamed = name.replace("bundle/bundle.yaml", "kit/kit.yaml").replace("bundle/", "kit/")
            archive.writestr(renamed, data)
    assert unpack_bundle(tmp_path / "kit.zip", tmp_path) == (3, [])
    assert (tmp_path / ANSWER).read_bytes() == encode(ENTRY)
    settings = yaml.safe_load((tmp_path / "bundle/bundle.yaml").read_text())
    chunk_items = {"r": recipe | {"batch_candidates": "chunk_items"}}
    assert settings == SETTINGS | {"nfm": {"recipe": "r", "recipes": chunk_items}}


def refused(folder: Path, source: Path, **options: bool) -> str:
    before = sorted(folder.rglob("*"))
    with pytest.raises(StudyError) as caught:
        unpack_bundle(source, folder, **options)
    assert "\n" not in str(caught.value)
    assert sorted(folder.rglob("*")) == before, "nothing was unpacked"
    return str(caught.value)


def test_a_good_bundle_is_unpacked_as_it_is(tmp_path: Path) -> None:
    assert unpack_bundle(bundle(tmp_path), tmp_path) == (3, [])
    assert (tmp_path / ANSWER).read_bytes() == encode(ENTRY)
    assert yaml.safe_load((tmp_path / "bundle/bundle.yaml").read_text()) == SETTINGS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle", "bundle.zip"]
    assert "bundle: is there already; rename or delete" in refused(
        tmp_path, tmp_path / "bundle.zip"
    )


@pytest.mark.parametrize(
    "name",
    [
        "workflow/scripts/yaml.py",
        "bundle/../workflow/scripts/yaml.py",
        "../bundle/x.csv",
        "/etc/x.csv",
        "bundle/x.py",
        "bundle/.x.csv",
        "bundle/methods/../x.py",
        "bundle/answers/00/x.jsonl",
        "bundle/a\\..\\x.csv",
        "bundle/a/../../x.csv",
        "bundle/",
        "bundle//x.csv",
        "bundle/x.csv\n",
        "KIT/x.csv",
        "bundle/sitecustomize.py",
    ],
)
def test_a_name_that_no_bundle_has_is_refused(tmp_path: Path, name: str) -> None:
    assert "no bundle holds; nothing was unpacked" in refused(
        tmp_path, bundle(tmp_path, {name: b"x"}), with_methods=True
    )


def test_a_link_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(bundle(tmp_path), "a") as archive:
        link = zipfile.ZipInfo("bundle/x.csv")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    assert "no bundle holds" in refused(tmp_path, tmp_path / "bundle.zip")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"store": {"path": "bundle/answers", "offline": False}}, "would ask online"),
        ({"store": {"path": "bundle/answers"}}, "would ask online"),
        ({"store": {"path": "/home/me/store", "offline": True}}, "another store"),
        ({"store": None}, "has not the sections"),
        ({"budget": {"usd": 1000}}, "sets 'budget', which no bundle sets"),
        (
            {"datasets": {"x-bundle": {}, "microlens-100k": {"url": "https://evil/"}}},
            "data sets beside its own",
        ),
        (
            {"datasets": {"x-bundle": {"recommendations": "/etc/passwd"}}},
            "lists outside the bundle",
        ),
        (
            {
                "datasets": {
                    "x-bundle": {"recommendations": "bundle/a.csv", "origin": {"files": "/home/me"}}
                }
            },
            "lists outside the bundle",
        ),
        ({"datasets": {"x-bundle": {"origin": []}}}, "lists outside the bundle"),
        (
            {"datasets": {"x-bundle": []}, "rerankers": {"m": []}, "dataset": 3},
            "data sets beside its own",
        ),
        ({"prompts": "../prompts"}, "prompts outside the bundle"),
        (
            {"rerankers": {"m": {"file": "/tmp/x.py"}}},
            "runs '/tmp/x.py' (rerankers.m), which is not in the bundle",
        ),
        ({"rerankers": {"m": {"file": "bundle/methods/../x.py"}}}, "which is not in the bundle"),
        ({"rerankers": {"m": {"file": ["x"]}}}, "which is not in the bundle"),
        (
            {"rerankers": {"m": {"file": "bundle/methods/m.py"}}},
            "unpack with --with-methods if you trust it",
        ),
        ({"rerankers": []}, "has not the sections"),
    ],
)
def test_settings_that_ask_run_or_read_elsewhere_are_refused(
    tmp_path: Path, changes: dict, said: str
) -> None:
    assert said in refused(tmp_path, bundle(tmp_path, **changes))


def test_a_program_is_taken_only_if_told_so(tmp_path: Path) -> None:
    source = bundle(
        tmp_path,
        {"bundle/methods/m.py": b"def score"},
        rerankers={"m": {"file": "bundle/methods/m.py"}},
    )
    assert "bundle/methods/m.py, a program that a replay would run: look at it" in refused(
        tmp_path, source
    )
    unpack_bundle(source, tmp_path, with_methods=True)
    assert (tmp_path / "bundle/methods/m.py").read_bytes() == b"def score"


def test_addresses_and_names_of_tokens_are_left_out_and_named(tmp_path: Path) -> None:
    source = bundle(
        tmp_path,
        datasets={"x-bundle": {"pairs": "a", "titles": "b", "url": "https://evil/"}},
        llms={
            "m": {"model": "m", "base_url": "https://evil/v1", "token_env": "AWS_SECRET_ACCESS_KEY"}
        },
        encoders={"e": {"model": "e", "token_env": "HF_TOKEN"}},
    )
    done = subprocess.run(
        [sys.executable, SCRIPT, source], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    for key in ("datasets.x-bundle.url", "llms.m.token_env", "encoders.e.token_env"):
        assert f"left out {key}, which a replay does not need" in done.stdout
    assert "AWS" not in (tmp_path / "bundle/bundle.yaml").read_text()
    again = subprocess.run(
        [sys.executable, SCRIPT, source], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert again.stderr.startswith("unpack_bundle.py: bundle: is there already")


def test_an_altered_answer_is_refused(tmp_path: Path) -> None:
    assert "does not match its hash" in refused(
        tmp_path, bundle(tmp_path, {ANSWER: encode(ENTRY).replace(b"2026", b"2027")})
    )


def test_whatever_is_wrong_with_the_file_is_one_line_and_nothing_is_unpacked(
    tmp_path: Path,
) -> None:
    packed, random = bundle(tmp_path).read_bytes(), Random(1)
    refusals = 0
    for number in range(200):
        flipped = bytearray(packed)
        for _ in range(random.randint(1, 3)):
            flipped[random.randrange(len(flipped))] = random.randrange(256)
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "bundle.zip").write_bytes(flipped)
        try:
            unpack_bundle(folder / "bundle.zip", folder)
        except StudyError:
            refusals += 1
            assert [path.name for path in folder.iterdir()] == ["bundle.zip"]
    assert refusals > 100


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"a: [", b"!!python/object/apply:os.system [id]", b"[" * 5000, b"\xff"]
)
def test_settings_that_are_none_are_refused_and_run_no_code(tmp_path: Path, text: bytes) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("bundle/bundle.yaml", text)
    (tmp_path / "bundle.zip").write_bytes(made.getvalue())
    assert "bundle.yaml" in refused(tmp_path, tmp_path / "bundle.zip")
