"""A synthetic data set in the format of MicroLens-100k, of its size or 10 or 100 times that.

    python benchmarks/microlens_like.py FOLDER --scale 10

writes FOLDER/pairs.tsv (100,000 users and 720 thousand interactions at scale 1) and
FOLDER/titles.csv (19,738 items at every scale, unless --items says otherwise). Users are drawn and
written in portions, so memory does not grow with the scale.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

sys.path.append(str(Path(__file__).parent.parent / "workflow" / "scripts"))

from microrank.data.sample import SampleSettings, draw_interactions, make_catalogue, make_titles
from microrank.files import replacing
from microrank.seeds import generator

USERS, ITEMS, TOPICS = 100_000, 19_738, 24
MEAN_EXTRA = 2.2  # interactions beyond a user's fifth
USERS_PER_PORTION = 100_000


def make(folder: Path, users: int, items: int = ITEMS, seed: int = 1) -> tuple[Path, Path]:
    """Write pairs.tsv and titles.csv; gives their paths."""
    random = generator(seed, "microlens-like")
    catalogue = make_catalogue(SampleSettings(users, items, TOPICS), random)
    pairs, titles = folder / "pairs.tsv", folder / "titles.csv"
    with replacing(pairs) as temporary, open(temporary, "wb") as file:
        for first in range(0, users, USERS_PER_PORTION):
            n_users = min(USERS_PER_PORTION, users - first)
            lengths, drawn = draw_interactions(catalogue, n_users, random, MEAN_EXTRA)
            file.write(
                tsv_lines(
                    np.arange(first + 1, first + n_users + 1), lengths, catalogue.item_ids[drawn]
                )
            )
    text = make_titles(catalogue, random)
    with replacing(titles) as temporary:
        temporary.write_text(
            "".join(f"{item}, {text[item]}\r\n" for item in sorted(text)), newline=""
        )
    return pairs, titles


def tsv_lines(users: np.ndarray, lengths: np.ndarray, items: np.ndarray) -> bytes:
    """Lines `user<TAB>item item …` with CRLF."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    lists = pa.ListArray.from_arrays(offsets, pa.array(items).cast(pa.string()))
    lines = pc.binary_join_element_wise(
        pa.array(users).cast(pa.string()), pc.binary_join(lists, " "), "\t"
    )
    return (
        pc.binary_join(pa.ListArray.from_arrays([0, len(lines)], lines), "\r\n")[0].as_py().encode()
        + b"\r\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    for path in make(chosen.folder, round(USERS * chosen.scale), chosen.items, chosen.seed):
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
