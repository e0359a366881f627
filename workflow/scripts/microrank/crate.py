"""The description of a bundle as an RO-Crate: what each of its files is, and what made them.

RO-Crate (https://w3id.org/ro/crate) is the form in which archives of research data read this.
"""

import hashlib
import json
import mimetypes
from collections.abc import Mapping
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

METADATA = "ro-crate-metadata.json"
ANSWERS = "answers/"
# The start or the end of a file's name -> what the file is.
WHAT = {
    "README.md": "how to replay the study",
    "bundle.yaml": "the settings of a replay",
    "report.md": "the report of the study",
    "metrics.csv": "every method's figures at every cutoff, with intervals and tests",
    "prompts/": "a prompt for language models",
    "methods/": "a method of the study's own, as a program",
    "recommendations.parquet": "the recommender's lists",
    "recommendations_for_tuning.parquet": "the recommender's lists for the tuning users",
    "training.csv": "the curve of the recommender's training",
    "histories.parquet": "an encoder's vectors of histories",
    "embeddings/": "an encoder's vectors of titles",
}
TYPES = {".parquet": "application/vnd.apache.parquet", ".yaml": "application/yaml"}


def describe(
    study: str, contents: Mapping[str, bytes], commit: str | None, date: str | None
) -> bytes:
    """The text of ro-crate-metadata.json; the same bundle gives the same bytes.

    Args:
        study: its name.
        contents: name in the bundle -> bytes; the answers are told as one folder.
        commit: of the workflow; None outside a checkout.
        date: of that commit, such as 2026-11-26.
    """
    crate = ROCrate()
    root = crate.root_dataset
    root["name"] = f"The study {study} to replay"
    root["description"] = (
        "Can a language model improve a recommender's list? The lists, vectors, answers, prompts, "
        "settings and the report of one study."
    )
    root["license"] = "As the data's licence says, since answers quote titles and lists name items"
    if date:
        root["datePublished"] = date
    else:
        del root["datePublished"]  # the library's own is the time of packing
    for name in sorted(contents):
        if not name.startswith(ANSWERS):
            crate.add_file(dest_path=name, properties=_properties(name, contents[name]))
    n_answers = sum(name.startswith(ANSWERS) for name in contents)
    if n_answers:
        kept = {"name": f"{n_answers} kept answers of models, one file each"}
        crate.add_dataset(dest_path=ANSWERS, properties=kept)
    program = {"@type": "SoftwareSourceCode", "name": "microrank", "version": commit or "unknown"}
    software = crate.add(ContextEntity(crate, "#microrank", program))
    made = {"name": "The run of the workflow that made the study"}
    crate.add_action(software, identifier="#run", result=root, properties=made)
    return f"{json.dumps(crate.metadata.generate(), indent=1)}\n".encode()


def _properties(name: str, data: bytes) -> dict[str, Any]:
    suffix = f".{name.rsplit('.', maxsplit=1)[-1]}"
    kind = TYPES.get(suffix) or mimetypes.types_map.get(suffix, "text/plain")
    told = (what for part, what in WHAT.items() if part in name)
    return {
        "name": next(told, name),
        "encodingFormat": kind,
        "contentSize": str(len(data)),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
