"""A stand-in for the `conda` command where none can be had.

It answers what Snakemake asks, and creates environments with a real solver and installer
(py-rattler) from a channel in a local folder, which has one package for each environment. It is not
conda, and proves the wiring,
not the real environments.

usage: standin.py ROOT --version | info --json | config --get … --json
       standin.py ROOT env create --file F --prefix P … | clean …
"""

import asyncio
import hashlib
import io
import json
import os
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

VERSION = "24.7.1"

ACTIVATE = """export CONDA_PREFIX="$1"
export PATH="$1/bin:$PATH"
"""

# The only program of an environment: it notes whose it is, and hands over to a real interpreter.
PYTHON = """#!/bin/sh
echo "{environment} $CONDA_PREFIX $*" >> "{used}"
exec "{python}" "$@"
"""


def install_standin(root: Path, python: str, environments: Iterable[str]) -> Path:
    """Make `root/bin/conda`, `root/bin/activate` and the channel `root/channel`.

    The channel has a package marker-{environment} for each, whose program notes in `root/used` that
    it ran, then runs `python`. Returns the folder to put first on PATH.
    """
    (root / "bin").mkdir(parents=True)
    (root / "bin/activate").write_text(ACTIVATE)
    conda = root / "bin/conda"
    conda.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" "{root}" "$@"\n'
    )
    conda.chmod(0o755)
    folder = root / "channel/noarch"
    folder.mkdir(parents=True)
    packages = {}
    for environment in environments:
        program = PYTHON.format(environment=environment, used=root / "used", python=python)
        packages |= _add_package(folder, f"marker-{environment}", program)
    (folder / "repodata.json").write_text(
        json.dumps({"info": {"subdir": "noarch"}, "packages": packages})
    )
    return root / "bin"


def _add_package(folder: Path, name: str, program: str) -> dict[str, dict[str, object]]:
    """Write a package of that one program; gives its entry in the channel's list."""
    version, build = "1.0", "0"
    index = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": 0,
        "depends": [],
        "subdir": "noarch",
        "noarch": "generic",
    }
    data = program.encode()
    entry = {
        "_path": "bin/python",
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    path = folder / f"{name}-{version}-{build}.tar.bz2"
    with tarfile.open(path, "w:bz2") as archive:
        for member_name, content, mode in (
            ("info/index.json", json.dumps(index).encode(), 0o644),
            ("info/paths.json", json.dumps({"paths": [entry], "paths_version": 1}).encode(), 0o644),
            ("bin/python", data, 0o755),
        ):
            member = tarfile.TarInfo(member_name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    return {
        path.name: index
        | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "size": path.stat().st_size}
    }


async def _create(file: Path, prefix: Path) -> None:
    import rattler
    import yaml

    wanted = yaml.safe_load(file.read_text())
    specs = [entry for entry in wanted["dependencies"] if isinstance(entry, str)]
    records = await rattler.solve(wanted["channels"], specs, platforms=["linux-64", "noarch"])
    await rattler.install(records, prefix, show_progress=False)


def main(root: str, *arguments: str) -> None:
    match arguments:
        case ["--version"]:
            print(f"conda {VERSION}")
        case ["info", *_]:
            print(
                json.dumps({"conda_prefix": root, "platform": "linux-64", "conda_version": VERSION})
            )
        case ["config", "--get", *_]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *options]:
            asyncio.run(
                _create(
                    Path(options[options.index("--file") + 1]),
                    Path(options[options.index("--prefix") + 1]),
                )
            )
            os._exit(0)  # py-rattler's threads make an ordinary end crash now and then
        case ["clean", *_]:
            pass
        case _:
            sys.exit(f"stand-in conda: not understood: {' '.join(arguments)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
