"""profiles/kubernetes with a stand-in for the cluster and a local S3 server."""

import json
import logging
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from commandline import REPORT, ROOT, SMALL, contents, copy_repository, edit_config, run
from pods.standin import Cluster, running

pytestmark = pytest.mark.kubernetes
# So each rule that the profile names has a job.
FITTED = "results/sample/recommenders/popularity/recommendations.parquet"
PROFILE = yaml.safe_load((ROOT / "profiles/kubernetes/profile.yaml").read_text())
SECRETS = {
    "PLANTED_TOKEN": "hf_PLANTED0123456789",
    "SNAKEMAKE_STORAGE_S3_ACCESS_KEY": "planted-access-key",
    "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "planted-secret-key",
}


class Done(NamedTuple):
    """A study that pods have made.

    Where it was started, the cluster, the claim's folder, what was printed, the bucket's files.
    """

    folder: Path
    cluster: Cluster
    store: Path
    printed: str
    bucket: dict[str, bytes]

    def pods(self) -> list[tuple[str, dict[str, Any]]]:
        """(rule, pod's spec) of every job."""
        specs = [job["spec"]["template"]["spec"] for job in self.cluster.jobs.values()]
        return [
            (re.findall(r"--allowed-rules (\w+)", spec["containers"][0]["args"][1])[0], spec)
            for spec in specs
        ]


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server with an empty bucket of the profile's name."""
    moto = pytest.importorskip(
        "moto.server", reason="needs moto[server]; `make test-kubernetes` installs it"
    )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    _client(address).create_bucket(Bucket="my-bucket")
    yield address
    server.stop()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small study in a repository of its own: what git manages is what travels to the pods."""
    folder = copy_repository(tmp_path_factory.mktemp("study"))
    edit_config(
        folder,
        SMALL
        | {
            "shards": {"recommend_top_k": 2},
            "recommenders": ["nfm", "popularity"],
            "search": {"trials": 1},
        },
    )
    as_somebody = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (
        ["git", "init", "-q"],
        ["git", "add", "."],
        [*as_somebody, "commit", "-qm", "all"],
    ):
        subprocess.run(command, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def done(study: Path, s3: str, tmp_path_factory: pytest.TempPathFactory) -> Done:
    base = tmp_path_factory.mktemp("cluster")
    folder, store = base / "study", base / "store"
    shutil.copytree(study, folder)
    with running(base) as (cluster, kubeconfig):
        output = run(
            folder,
            *(REPORT, FITTED),
            *("--profile", "profiles/kubernetes", "--storage-s3-endpoint-url", s3),
            *(
                "--kubernetes-persistent-volumes",
                f"microrank-store:{store}",
                "--config",
                f"store={{path: {store}}}",
            ),
            *("--envvars", "PLANTED_TOKEN"),
            *(
                "--software-deployment-method",
                "env-modules",
            ),  # there is no conda here: the pods have this Python's packages
            *("--jobs", "3", "--restart-times", "0", "--seconds-between-status-checks", "1"),
            env={"KUBECONFIG": str(kubeconfig)} | SECRETS,
        )
    logs = "\n".join(cluster.log(name)[-2000:] for name in cluster.failed())
    assert output.returncode == 0, output.stdout + logs
    client = _client(s3)
    names = [entry["Key"] for entry in client.list_objects_v2(Bucket="my-bucket")["Contents"]]
    bucket = {
        name.removeprefix("microrank/"): client.get_object(Bucket="my-bucket", Key=name)[
            "Body"
        ].read()
        for name in names
    }
    return Done(folder, cluster, store, output.stdout, bucket)


def _client(address: str) -> Any:
    boto3 = pytest.importorskip("boto3")
    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    return boto3.client("s3", endpoint_url=address, **keys)


def test_a_dry_run_needs_no_cluster_and_plans_the_whole_study_in_the_bucket(
    study: Path, s3: str
) -> None:
    planned = run(
        study,
        *(
            "-n",
            REPORT,
            "--profile",
            "profiles/kubernetes",
            "--storage-s3-endpoint-url",
            s3,
            "--config",
            "store={path: /store}",
        ),
        *("--software-deployment-method", "env-modules"),
        env={"KUBECONFIG": "/nowhere"} | SECRETS,
    )
    assert planned.returncode == 0, planned.stdout
    assert "output: s3://my-bucket/microrank/results/report.md" in planned.stdout
    assert "Missing input files" not in planned.stdout


def test_a_store_that_would_vanish_with_its_pod_is_refused(study: Path, s3: str) -> None:
    arguments = ("-n", REPORT, "--profile", "profiles/kubernetes", "--storage-s3-endpoint-url", s3)
    refused = run(
        study,
        *arguments,
        "--software-deployment-method",
        "env-modules",
        env={"KUBECONFIG": "/nowhere"} | SECRETS,
    )
    assert refused.returncode != 0
    assert (
        "config: store.path: 'resources/store' would lie in each job's own machine, "
        "and paid answers would go with it" in refused.stdout
    )


def test_pods_leave_the_bytes_of_a_local_run(done: Done, study: Path) -> None:
    local = run(study, REPORT, FITTED)
    assert local.returncode == 0, local.stdout
    here, there = contents(study), done.bucket
    assert len(here) > 25
    # A pod has the sources without their history: only the line about the commit and times differ.
    reports = {
        name: (_without_commit(here.pop(name)), _without_commit(there[name]))
        for folder in ("results", "results/sample")
        for name in (f"{folder}/report.md", f"{folder}/report.html")
    }
    assert [name for name, data in here.items() if there.get(name) != data] == []
    assert [name for name, (one, other) in reports.items() if one != other] == []


def _without_commit(data: bytes) -> bytes:
    """The report without its commit, and without times, which a pod has from its own clock."""
    timeless = re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d", b"", data)
    return re.sub(rb"(Workflow at commit ).*", rb"\1", timeless)


def test_every_pod_asks_for_what_the_profile_says_of_its_rule(done: Done) -> None:
    on_two = ("train_nfm", "refit_nfm", "recommend_top_k", "embed_titles")
    on_two += ("choose_setting", "fit_recommender")
    threads = dict.fromkeys(on_two, 2)
    for rule, spec in done.pods():
        settings = PROFILE["default-resources"] | PROFILE["set-resources"].get(rule, {})
        assert spec["containers"][0]["resources"]["requests"] == {
            "cpu": f"{950 * threads.get(rule, 1)}m",
            "memory": f"{settings['mem_mb'].removesuffix(' * attempt')}M",
            "ephemeral-storage": f"{settings['disk_mb']}M",
        }
    rules = {rule for rule, _ in done.pods()}
    assert len(rules) >= 15
    assert set(PROFILE["set-resources"]) <= rules


def test_every_pod_has_the_stores_volume_so_that_what_is_paid_for_outlives_it(done: Done) -> None:
    for _, spec in done.pods():
        claims = {
            volume["name"]: volume["persistentVolumeClaim"]["claimName"]
            for volume in spec["volumes"]
            if "emptyDir" not in volume
        }
        mounts = {
            mount["name"]: mount["mountPath"] for mount in spec["containers"][0]["volumeMounts"]
        }
        assert claims == {"microrank-store": "microrank-store"}
        assert mounts == {"microrank-store": str(done.store), "workdir": "/workdir"}
    assert len(list(done.store.rglob("??/*.jsonl"))) == 60
    assert not list(done.folder.rglob("*.jsonl"))


def test_a_secret_reaches_pods_by_reference_and_is_gone_when_the_run_ends(done: Done) -> None:
    (name, data), *others = done.cluster.secrets.items()
    assert not others
    assert name in done.cluster.deleted
    for variable, value in SECRETS.items():
        assert data[variable.lower()] == value
        for _, spec in done.pods():
            references = {
                one["name"]: one["valueFrom"]["secretKeyRef"]
                for one in spec["containers"][0]["env"]
            }
            assert references[variable] == {"name": name, "key": variable.lower()}
        assert value not in json.dumps(done.cluster.jobs)
        assert value not in done.printed
        assert [name for name, content in done.bucket.items() if value.encode() in content] == []
        assert [
            path
            for path in done.folder.rglob("*")
            if path.is_file() and value.encode() in path.read_bytes()
        ] == []


def test_nothing_is_left_in_the_cluster(done: Done) -> None:
    assert done.cluster.deleted == {*done.cluster.jobs, *done.cluster.secrets}
