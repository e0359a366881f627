"""A job in a process of its own that asks questions.

Arguments: base_url, the store's folder, the number of questions, and "print" to print the answers,
"embed" to have the questions embedded instead, or "batch" to ask in batches.
"""

import logging
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow/scripts"))

from microrank.services.chat import ChatSettings, ask_chat
from microrank.services.completion import read_completion
from microrank.services.embeddings import embed_texts
from microrank.services.failures import Pending
from microrank.services.settings import Service
from microrank.services.store import Store

logging.basicConfig(level=logging.INFO)
base_url, folder, number, *printing = sys.argv[1:]
if printing == ["embed"]:
    section = {
        "adapter": "tei",
        "model": "tiny",
        "base_url": base_url,
        "batch_size": 4,
        "timeout_s": 5.0,
        "first_wait_s": 0.01,
    }
    embed_texts([f"question {n}" for n in range(int(number))], section, Store(folder))
    sys.exit()
settings = ChatSettings(model="tiny", base_url=base_url)
asked = {
    f"user {n}, pass 0": settings.request([{"role": "user", "content": f"question {n}"}], 0)
    for n in range(int(number))
}
service = Service("llms.tiny", base_url, timeout_s=5.0, first_wait_s=0.01)
if printing == ["batch"]:
    service = replace(service, mode="batch", batch_lines=7, timeout_s=2.0)
try:
    answers = ask_chat(asked, service, Store(folder))
except Pending as pending:
    sys.exit(str(pending))
if printing == ["print"]:
    print("\n".join(read_completion(entry.body).text for entry in answers.values()))
