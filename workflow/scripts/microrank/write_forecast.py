"""What asking would take, and what its answers could show, as a page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from microrank.encoders.planned_requests import planned_embeddings
from microrank.evaluation.metrics import main_cutoffs
from microrank.evaluation.power import unrelated_discordance
from microrank.evaluation.ranks import candidate_lists
from microrank.llm.planned_requests import planned_questions
from microrank.llm.prompts import Prompt
from microrank.memory.planned_requests import planned_memory
from microrank.methods import without_prior
from microrank.services.budget import Budget
from microrank.services.forecast import answered_users, forecast_anew
from microrank.services.forecast_page import forecast_page
from microrank.services.planned_requests import PlannedRequests
from microrank.services.store import Store
from microrank.services.verdict_costs import FEWEST_USERS, Design, Discordance, Row
from microrank.services.verdict_page import first_line, verdict_section
from microrank.settle.looker import Looker
from microrank.settle.looks import planned_looks


class AskedAbout(NamedTuple):
    """Users, and the methods that are asked about them.

    users: table SUBSET. methods: names of rerankers. suffix: ends the methods' names on the page.
    subtracts: false where nothing is subtracted from scores (`methods.without_prior`). answer:
    which answer to the same questions it is.
    """

    users: pa.Table
    methods: Sequence[str]
    suffix: str = ""
    subtracts: bool = True
    answer: int = 1


def write_forecast(
    config: Mapping[str, Any],
    groups: Sequence[AskedAbout],
    catalogue: pa.Table,
    prompts: Mapping[str, Prompt],
    store: Store,
    *,
    looker: Looker,
    n_tests: int,
    items: str = "items",
) -> str:
    """Forecast tokens, dollars and time of all missing answers, in Markdown. Nobody is asked.

    Args:
        config: the study's configuration.
        groups: who is asked about; the first are the study's users.
        catalogue: table ITEMS, for the titles.
        prompts: name → prompt.
        store: the answers that are kept.
        looker: counts what kept answers show, of the methods that it has a prompt of: those on
            which the primary comparison rests. Its store must be offline.
        n_tests: number of rows of the primary comparison.
        items: what the data set's items are called.
    """
    plans = []
    for group in groups:
        users, methods, suffix = group.users, group.methods, group.suffix
        plans += planned_questions(
            _config_of(config, group),
            methods,
            users,
            catalogue,
            prompts.__getitem__,
            suffix=suffix,
        )
        plans += planned_embeddings(config, methods, users, catalogue, suffix=suffix)
    plans += planned_memory(config, groups[0].users, catalogue, items)
    budget = Budget.from_config(config["budget"], store)
    users, design = groups[0].users, _design(config, groups[0].users, looker, n_tests)
    asked = [plan for plan in plans if plan.method in looker.prompts]
    rows = _rows(asked, users, store, looker, design)
    return forecast_page(
        plans,
        store,
        budget,
        config["dataset"],
        first_line=first_line(rows, design),
        section=verdict_section(rows, design),
    )


def _design(config: Mapping[str, Any], users: pa.Table, looker: Looker, n_tests: int) -> Design:
    k = candidate_lists(users).shape[1]
    report = config["report"]
    return Design(
        everybody=looker.everybody,
        cutoff=main_cutoffs([cutoff for cutoff in report["cutoffs"] if cutoff <= k], k)[-1],
        level=round(1 - report["confidence"], 12),
        tests=max(n_tests, 1),
        looks=planned_looks(config["looks"]["users"], looker.everybody),
    )


def _rows(
    plans: Sequence[PlannedRequests],
    users: pa.Table,
    store: Store,
    looker: Looker,
    design: Design,
) -> list[Row]:
    asked: set[str] = set()
    return [
        Row(
            plan.method,
            _discordance(plan, users, store, looker, design),
            forecast_anew(plan, store, set()),
            forecast_anew(plan, store, asked),
            users.num_rows,
        )
        for plan in plans
    ]


def _discordance(
    plan: PlannedRequests, users: pa.Table, store: Store, looker: Looker, design: Design
) -> Discordance:
    """Count who differs, by the kept answers; before there are enough, return a guess."""
    answered = answered_users(plan, store)
    if len(answered) >= FEWEST_USERS:
        theirs = users.filter(pc.is_in(users["user_id"], pa.array(answered, pa.int64())))
        seen = looker.look_at(theirs, [plan.method])[plan.method]
        if seen.problem is None:
            return Discordance((seen.wins + seen.losses) / seen.n, seen.n)
    ranks = users["ground_truth_rank"].to_numpy()
    guess = unrelated_discordance(
        n_listed=int((ranks > 0).sum()),
        n_users=len(ranks),
        cutoff=design.cutoff,
        k=candidate_lists(users).shape[1],
        n_hits=int(((ranks > 0) & (ranks <= design.cutoff)).sum()),
    )
    return Discordance(guess)


def _config_of(config: Mapping[str, Any], group: AskedAbout) -> Mapping[str, Any]:
    """The config as these questions are asked by it."""
    changed = dict(config)
    if not group.subtracts:
        changed["rerankers"] = {
            name: without_prior(settings) for name, settings in config["rerankers"].items()
        }
    if group.answer > 1:
        changed["llms"] = {
            name: {**settings, "answer": group.answer} for name, settings in config["llms"].items()
        }
    return changed
