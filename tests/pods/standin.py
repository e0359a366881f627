"""A stand-in for a Kubernetes cluster: the executor's few calls, and pods that are processes here.

Nothing is scheduled and no container is started: a pod is its container's command in an empty
folder, with nothing of this process's environment but what its spec gives it. That shows whether
the specs hold all that a job needs, not whether a cluster would accept them.
"""

import base64
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml


class Cluster:
    """Job specs and secrets (name → data), in the order of their creation, deleted ones too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.jobs: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, dict[str, str]] = {}
        self.deleted: set[str] = set()
        self._pods: dict[str, subprocess.Popen] = {}
        # What the image would bring: this Python, which has the packages already.
        self._tools = folder / "tools"
        self._tools.mkdir()
        for tool, text in (("python", f'exec "{sys.executable}" "$@"'), ("pip", "exit 0")):
            (self._tools / tool).write_text(f"#!/bin/sh\n{text}\n")
            (self._tools / tool).chmod(0o755)

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        name = body["metadata"]["name"]
        if kind == "secrets":
            self.secrets[name] = {
                key: base64.b64decode(value).decode() for key, value in body["data"].items()
            }
        else:
            self.jobs[name] = body
            self._pods[name] = self._start(name, body["spec"]["template"]["spec"]["containers"][0])
        return body

    def job(self, name: str) -> dict[str, Any]:
        code = self._pods[name].poll()
        status = {} if code is None else {"succeeded": 1} if code == 0 else {"failed": 1}
        return {
            "kind": "Job",
            "apiVersion": "batch/v1",
            "metadata": {"name": name},
            "status": status,
        }

    def delete(self, name: str) -> dict[str, Any]:
        self.deleted.add(name)
        if name in self._pods and self._pods[name].poll() is None:
            self._pods[name].kill()
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def failed(self) -> list[str]:
        return [name for name, pod in self._pods.items() if pod.poll()]

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for pod in self._pods.values():
            pod.kill()
            pod.wait()

    def _start(self, name: str, container: dict[str, Any]) -> subprocess.Popen:
        workdir = self.folder / name
        workdir.mkdir()
        given = {one["name"]: one["valueFrom"]["secretKeyRef"] for one in container["env"]}
        env = {variable: self.secrets[key["name"]][key["key"]] for variable, key in given.items()}
        with (self.folder / f"{name}.log").open("w") as log:
            return subprocess.Popen(
                [*container["command"], *container["args"]],
                cwd=workdir,
                env={"PATH": f"{self._tools}:/usr/bin:/bin", "HOME": str(workdir)} | env,
                stdout=log,
                stderr=subprocess.STDOUT,
            )


@contextmanager
def running(folder: Path) -> Iterator[tuple[Cluster, Path]]:
    """The cluster while the block lasts, and a kubeconfig that leads to it."""
    cluster = Cluster(folder)
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"cluster": cluster})
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    kubeconfig = folder / "kubeconfig"
    named = {
        "clusters": [
            {"name": "here", "cluster": {"server": f"http://127.0.0.1:{server.server_address[1]}"}}
        ],
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "nobody"}}],
    }
    kubeconfig.write_text(
        yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "here"} | named)
    )
    try:
        yield cluster, kubeconfig
    finally:
        server.shutdown()
        server.server_close()
        cluster.stop()


class _Handler(BaseHTTPRequestHandler):
    cluster: Cluster

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._reply(201, self.cluster.create(self.path.split("?")[0].rsplit("/")[-1], body))

    def do_GET(self) -> None:
        if found := re.fullmatch(
            r"/apis/batch/v1/namespaces/default/jobs/([\w-]+)/status", self.path
        ):
            self._reply(200, self.cluster.job(found[1]))
        else:  # the executor looks for containers that a cluster added to the pod
            self._reply(200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []})

    def do_DELETE(self) -> None:
        self._reply(200, self.cluster.delete(self.path.split("?")[0].rsplit("/")[-1]))

    def _reply(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""
