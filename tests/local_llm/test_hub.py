"""Models of the Hugging Face hub, from a server on this machine that speaks as the hub does."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

SCRIPTS = Path(__file__).parents[2] / "workflow/scripts"
MODEL, COMMIT, TOKEN = "someone/tiny", "c0ffee" + "0" * 34, "hf_PLANTED0123456789"
FILES = {
    "config.json": b'{"model_type": "llama"}',
    "model.safetensors": b"weights" * 100,
    "pytorch_model.bin": b"a pickle, which could run code",
    "modeling_tiny.py": b"raise SystemExit('its code was run')",
    "tokenizer.json": b"{}",
}
DOWNLOAD = f"""
import sys
from microrank.errors import StudyError
from microrank.local_llm.hub import downloaded
try:
    print(downloaded("llms.tiny", "{MODEL}", sys.argv[1]))
except StudyError as error:
    sys.exit(str(error))
"""


@dataclass
class Hub:
    """What the server has, and what it was asked."""

    url: str
    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    sizes: dict[str, int] = field(default_factory=dict)
    wanted_token: str | None = None
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        authorization = request.headers.get("Authorization")
        self.asked.append((request.method, request.path, authorization))
        if self.wanted_token and authorization != f"Bearer {self.wanted_token}":
            return _error(401 if authorization is None else 403, "GatedRepo")
        if match := re.fullmatch(f"/api/models/{MODEL}/revision/(.+)", request.path):
            return self._info() if match[1] == COMMIT else _error(404, "RevisionNotFound")
        if request.path == f"/api/models/{MODEL}/tree/{COMMIT}":
            return self._tree()
        if match := re.fullmatch(f"/{MODEL}/resolve/{COMMIT}/(.+)", request.path):
            return self._file(match[1])
        return _error(404, "RepoNotFound")

    def _info(self) -> Response:
        siblings = [
            {"rfilename": name, "size": self.sizes.get(name, len(data)), "blobId": f"{number:040x}"}
            for number, (name, data) in enumerate(self.files.items())
        ]
        info = {"id": MODEL, "modelId": MODEL, "sha": COMMIT, "siblings": siblings, "tags": []}
        return Response(json.dumps(info), content_type="application/json")

    def _tree(self) -> Response:
        files = [
            {"type": "file", "path": name, "size": len(data), "oid": f"{number:040x}"}
            for number, (name, data) in enumerate(self.files.items())
        ]
        return Response(json.dumps(files), content_type="application/json")

    def _file(self, name: str) -> Response:
        return Response(self.files[name], headers={"ETag": f'"{name}"', "X-Repo-Commit": COMMIT})

    @property
    def downloaded(self) -> set[str]:
        return {path.rsplit("/", 1)[1] for _, path, _ in self.asked if "/resolve/" in path}


def _error(status: int, code: str) -> Response:
    return Response("{}", status, {"X-Error-Code": code, "X-Error-Message": "no"})


@pytest.fixture
def hub() -> Iterator[Hub]:
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        hub = Hub(server.url_for("").rstrip("/"))
        server.expect_request(re.compile(".*")).respond_with_handler(hub.answer)
        yield hub


def download(
    hub: Hub, home: Path, revision: str = COMMIT, **env: str
) -> subprocess.CompletedProcess:
    """Download in a process of its own: the hub's client reads its address when it is imported."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    own = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", DOWNLOAD, revision],
        env={**kept, **own, "PYTHONPATH": str(SCRIPTS), **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def complaint(done: subprocess.CompletedProcess) -> str:
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_commit_is_downloaded_once_without_what_could_run_code(hub, tmp_path) -> None:
    first = download(hub, tmp_path)
    assert first.returncode == 0, first.stderr
    folder = Path(first.stdout.strip())
    assert folder.name == COMMIT
    assert (
        {path.name for path in folder.iterdir()}
        == hub.downloaded
        == {
            "config.json",
            "model.safetensors",
            "tokenizer.json",
        }
    )
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    n_asked = len(hub.asked)
    assert download(hub, tmp_path).stdout == first.stdout
    assert len(hub.asked) == n_asked


def test_a_token_comes_from_the_environment_and_stays_out_of_files(hub, tmp_path) -> None:
    hub.wanted_token = TOKEN
    done = download(hub, tmp_path, HF_TOKEN=TOKEN)
    assert done.returncode == 0, done.stderr
    tokens = {authorization for _, path, authorization in hub.asked if MODEL in path}
    assert tokens == {f"Bearer {TOKEN}"}
    assert TOKEN not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []


@pytest.mark.parametrize(
    ("env", "advice"),
    [
        ({}, "is gated or private (status 401); ask for access on its page"),
        ({"HF_TOKEN": "hf_other"}, "(status 403); ask for access on its page on the hub, and "),
    ],
)
def test_a_gated_model_says_which_access_it_needs(hub, tmp_path, env, advice) -> None:
    hub.wanted_token = TOKEN
    said = complaint(download(hub, tmp_path, **env))
    assert said.startswith(f"llms.tiny: {MODEL} is gated or private")
    assert advice in said
    assert said.endswith("export another HF_TOKEN" if env else "export HF_TOKEN")
    assert hub.downloaded == set()


def test_a_commit_that_is_not_there_is_named(hub, tmp_path) -> None:
    said = complaint(download(hub, tmp_path, revision="abc"))
    assert said == f"llms.tiny: the hub has no model {MODEL} with commit abc; correct both"


def test_what_the_disk_has_no_room_for_is_not_begun(hub, tmp_path) -> None:
    hub.sizes["model.safetensors"] = 10**18
    said = complaint(download(hub, tmp_path))
    assert f"{MODEL} takes 1000000000.0 GB and" in said
    assert said.endswith("GB free; make room, or set HF_HOME to a larger disk")
    assert hub.downloaded == set()


def test_a_model_without_safetensors_is_refused(hub, tmp_path) -> None:
    del hub.files["model.safetensors"]
    said = complaint(download(hub, tmp_path))
    assert said == f"llms.tiny: {MODEL} has no safetensors on the hub; other formats run code"
    assert hub.downloaded == set()


def test_a_hub_that_is_out_of_reach_is_one_line(hub, tmp_path) -> None:
    said = complaint(download(hub, tmp_path, HF_ENDPOINT="http://127.0.0.1:9"))
    assert said.startswith(f"llms.tiny: {MODEL} cannot be fetched from the hub (")
    assert said.endswith("; connect once, or name a folder with the model")
