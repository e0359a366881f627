"""A stand-in for the `conda` command where none can be had: it answers what Snakemake asks, and creates environments with a real solver and
installer (py-rattler) from a channel of one package in a local folder. It is not conda, and proves the wiring, not the real environments.

usage: standin.py ROOT --version | info --json | config --get … --json | env create --file F --prefix P … | clean …
"""

import asyncio
import hashlib
import io
import json
import sys
import tarfile
from pathlib import Path

VERSION = "24.7.1"

ACTIVATE = """export CONDA_PREFIX="$1"
export PATH="$1/bin:$PATH"
"""

# The environment's only program: it notes that it ran, and hands over to the interpreter that the tests run with.
PYTHON = """#!/bin/sh
echo "$CONDA_PREFIX" >> "{used}"
exec "{python}" "$@"
"""


def install_standin(root: Path, python: str) -> Path:
    """Make `root/bin/conda`, `root/bin/activate` and the channel `root/channel`; returns the folder to put first on PATH."""
    (root / "bin").mkdir(parents=True)
    (root / "bin/activate").write_text(ACTIVATE)
    conda = root / "bin/conda"
    conda.write_text(f'#!/bin/sh\nexec "{python}" "{Path(__file__).resolve()}" "{root}" "$@"\n')
    conda.chmod(0o755)
    _make_channel(root / "channel", PYTHON.format(used=root / "used", python=python))
    return root / "bin"


def _make_channel(channel: Path, program: str) -> None:
    from rattler.index import index_fs

    name, version, build = "microrank-marker", "1.0", "0"
    index = {"name": name, "version": version, "build": build, "build_number": 0, "depends": [], "subdir": "noarch", "noarch": "generic"}
    data = program.encode()
    entry = {"_path": "bin/python", "path_type": "hardlink", "sha256": hashlib.sha256(data).hexdigest(), "size_in_bytes": len(data)}
    (channel / "noarch").mkdir(parents=True)
    with tarfile.open(channel / "noarch" / f"{name}-{version}-{build}.tar.bz2", "w:bz2") as archive:
        for path, content, mode in (
            ("info/index.json", json.dumps(index).encode(), 0o644),
            ("info/paths.json", json.dumps({"paths": [entry], "paths_version": 1}).encode(), 0o644),
            ("bin/python", data, 0o755),
        ):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    asyncio.run(index_fs(channel))


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
            print(json.dumps({"conda_prefix": root, "platform": "linux-64", "conda_version": VERSION}))
        case ["config", "--get", *_]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *options]:
            asyncio.run(_create(Path(options[options.index("--file") + 1]), Path(options[options.index("--prefix") + 1])))
        case ["clean", *_]:
            pass
        case _:
            sys.exit(f"stand-in conda: not understood: {' '.join(arguments)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
