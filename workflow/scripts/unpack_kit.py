"""Unpack somebody's kit with care; run from the repository's root: python workflow/scripts/unpack_kit.py kit.zip"""

import argparse
import sys
from pathlib import Path

from microrank.errors import StudyError
from microrank.kit_unpack import unpack_kit


def main(arguments: list[str]) -> int:
    """Unpack into kit/; the exit status is not zero where that is refused."""
    parser = argparse.ArgumentParser(prog="unpack_kit.py", description="Unpack a packed study into kit/, after checking all of it.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--with-methods", action="store_true", help="take the programs in it, too, which a replay runs with your rights")
    options = parser.parse_args(arguments)
    try:
        unpacked = unpack_kit(options.file, Path(), with_methods=options.with_methods)
    except (StudyError, OSError) as error:
        print(f"unpack_kit.py: {error}", file=sys.stderr)
        return 1
    for key in unpacked.left_out:
        print(f"left out {key}, which a replay does not need")
    print(f"unpacked {unpacked.files} files; now: snakemake --cores 4 results/report.md --configfile kit/kit.yaml")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
