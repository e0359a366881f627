"""Look after the response store.

Run it from the study's folder: python path/to/workflow/scripts/store.py --help
"""

import argparse
import sys
from pathlib import Path

from microrank.errors import StudyError
from microrank.services import store_admin
from microrank.services.store import Store
from microrank.workflow.start import config_here

HEAD = (
    "answers",
    "tokens in",
    "of them cached",
    "tokens out",
    "of them reasoning",
    "USD",
    "MB",
    "first",
    "last",
    "model",
    "service",
)


def main(arguments: list[str]) -> int:
    """Run one command; the exit status is not zero where something is wrong."""
    parser = argparse.ArgumentParser(
        prog="store.py", description="Look after the kept answers of language models and encoders."
    )
    parser.add_argument(
        "--store",
        type=Path,
        help="the store's folder (default: store.path of the config file here)",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("statistics", help="answers, tokens and cost of each model")
    commands.add_parser(
        "verify", help="read every answer; name those that are damaged or not whole"
    )
    for name, text in (
        ("pack", "put all answers into one file, to ship or back up"),
        ("unpack", "take a packed file's answers in"),
    ):
        commands.add_parser(name, help=text).add_argument("file", type=Path)
    drop = commands.add_parser("drop", help="delete the answers of one model")
    drop.add_argument("model")
    drop.add_argument(
        "--yes", action="store_true", help="really delete them; without it, they are only counted"
    )
    options = parser.parse_args(arguments)
    try:
        folder = options.store or Path(config_here()["store"]["path"])
        return COMMANDS[options.command](Store(folder), options)
    except StudyError as error:
        print(f"store.py: {error}", file=sys.stderr)
    except OSError as error:
        print(f"store.py: {error.filename}: {error.strerror}", file=sys.stderr)
    return 1


def statistics(store: Store, _: argparse.Namespace) -> int:
    """Print answers, tokens and cost of each model."""
    uses = store_admin.statistics(store)
    print(*HEAD, sep="\t")
    for (model, base_url), use in uses.items():
        cells = [
            use.answers,
            use.prompt_tokens,
            use.cached_tokens,
            use.completion_tokens,
            use.reasoning_tokens,
            f"{use.cost_usd:.4f}",
            f"{use.n_bytes / 1e6:.1f}",
            use.first[:10],
            use.last[:10],
            model,
            base_url,
        ]
        print(*cells, sep="\t")
    print(f"{sum(use.answers for use in uses.values())} answers in {store.folder}")
    return 0


def verify(store: Store, _: argparse.Namespace) -> int:
    """Print every damaged answer; the exit status is 1 where there is one."""
    damaged = store_admin.verify(store)
    for path, problem in damaged.items():
        print(f"{path}: {problem}")
    print(
        f"{len(damaged)} damaged or broken answers"
        + ("; the next run sets them aside and asks again" if damaged else "")
    )
    return 1 if damaged else 0


def pack(store: Store, options: argparse.Namespace) -> int:
    """Put all answers into one file."""
    print(f"packed {store_admin.pack(store, options.file)} answers into {options.file}")
    return 0


def unpack(store: Store, options: argparse.Namespace) -> int:
    """Take a packed file's answers in."""
    new, known = store_admin.unpack(store, options.file)
    print(f"took {new} answers in, {known} were there already")
    return 0


def drop(store: Store, options: argparse.Namespace) -> int:
    """Delete the answers of one model, or count them."""
    paths = list(store_admin.drop(store, options.model))
    if options.yes:
        for path in paths:
            path.unlink(missing_ok=True)
    print(
        f"{'deleted' if options.yes else 'would delete'} {len(paths)} answers of {options.model}"
        + ("" if options.yes else "; add --yes")
    )
    return 0


COMMANDS = {
    "statistics": statistics,
    "verify": verify,
    "pack": pack,
    "unpack": unpack,
    "drop": drop,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
