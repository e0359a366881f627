"""Unpack somebody's bundle with care.

Run it where the study is to lie: python path/to/workflow/scripts/unpack_bundle.py bundle.zip
"""

import argparse
import sys
from pathlib import Path

from microrank.bundle_unpack import unpack_bundle
from microrank.errors import StudyError


def main(arguments: list[str]) -> int:
    """Unpack into bundle/; the exit status is not zero where that is refused."""
    parser = argparse.ArgumentParser(
        prog="unpack_bundle.py",
        description="Unpack a packed study into bundle/, after checking all of it.",
    )
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--with-methods",
        action="store_true",
        help="take the programs in it, too, which a replay runs with your rights",
    )
    options = parser.parse_args(arguments)
    try:
        unpacked = unpack_bundle(options.file, Path(), with_methods=options.with_methods)
    except (StudyError, OSError) as error:
        print(f"unpack_bundle.py: {error}", file=sys.stderr)
        return 1
    for key in unpacked.left_out:
        print(f"left out {key}, which a replay does not need")
    replay = "snakemake --cores 4 results/report.md --configfile bundle/bundle.yaml"
    print(f"unpacked {unpacked.files} files; now: {replay}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
