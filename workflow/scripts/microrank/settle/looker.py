"""What a look sees: the first users of the seeded order, their answers, and their hits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.data.subset import sample_hit_users
from microrank.evaluation.metrics import main_cutoffs
from microrank.evaluation.ranks import as_ranking, candidate_lists, ground_truth_ranks
from microrank.evaluation.usage import Usage, usage_of
from microrank.evaluation.verdicts import ECHO, UNREADABLE, problem_of_shares
from microrank.llm.answer_counts import AnswerCounts
from microrank.llm.prompts import Prompt
from microrank.llm.query import chat_settings, reachable
from microrank.llm.query_service import query_service
from microrank.local_llm.asks import ask_of
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.session import Session
from microrank.rerank.answers import rerank_answers
from microrank.services.adapters import IN_PROCESS
from microrank.services.failures import Pending
from microrank.services.price import Price
from microrank.services.store import Store
from microrank.settle.fusions import LookedFusion
from microrank.settle.looks import Seen
from microrank.tables import Batches

DEFAULTS = {"passes": 1, "shuffle": False, "aggregate": "borda"}


@dataclass(frozen=True)
class Answered:
    """What one language model said about the users of a look.

    Attributes:
        rankings: Table RANKINGS.
        usage: Tokens of all its answers.
        price: The config's, in US dollars a million tokens; None where it has none.
        problem: Why the answers tell nothing of the model; None where they do.
    """

    rankings: pa.Table
    usage: Usage
    price: Mapping[str, Any] | None
    problem: str | None

    @property
    def tokens(self) -> int:
        """Tokens in and out."""
        return self.usage.prompt_tokens + self.usage.completion_tokens

    @property
    def usd(self) -> float | None:
        """What they cost; None where the config has no price."""
        return self.usage.dollars(Price(**self.price)) if self.price else None


@dataclass(frozen=True)
class Looker:
    """Asks the language models of a study about its first users, and counts their hits.

    Attributes:
        config: The checked config.
        recommendations: Table RECOMMENDATIONS.
        past: The splits before test, oldest first.
        test: Table SPLIT.
        catalogue: Table ITEMS.
        prompts: Method that asks a language model -> its prompt.
        weights: Entry of `llms` -> the folder of its weights, where a rule unpacks them.
        tunes: Whether the study tunes fusions, whose users are then never drawn.
        fusions: Method -> the fusion that it is.
        threads: Processors for models in this process.
    """

    config: Mapping[str, Any]
    recommendations: Batches
    past: Sequence[Batches]
    test: Batches
    catalogue: pa.Table
    prompts: Mapping[str, Prompt]
    weights: Mapping[str, Path]
    tunes: bool
    fusions: Mapping[str, LookedFusion] = field(default_factory=dict)
    threads: int = 1

    @cached_property
    def everybody(self) -> int:
        """The number of users who may be drawn."""
        return self._users("all").num_rows

    def see(self, n: int, methods: Sequence[str]) -> dict[str, Seen]:
        """Look at the first n users: ask what no answer is kept of, and count."""
        return self.look_at(self._users(n), methods)

    def look_at(self, users: pa.Table, methods: Sequence[str]) -> dict[str, Seen]:
        """Look at these users, of table SUBSET.

        Raises:
            Pending: answers come in batches that are not done; all methods' are under way.
            StudyError: something could not be asked.
        """
        asked = dict.fromkeys(name for method in methods for name in self._asked_by(method))
        answered: dict[str, Answered] = {}
        pending: list[str] = []
        for name in asked:
            try:
                answered[name] = self._answered(name, users)
            except Pending as error:
                pending.append(str(error))
        if pending:
            raise Pending("; ".join(pending))
        return {method: self._seen(method, users, answered) for method in methods}

    def _asked_by(self, method: str) -> list[str]:
        return self.fusions[method].asked if method in self.fusions else [method]

    def _users(self, size: int | str) -> pa.Table:
        subset = {**self.config["subset"], "sample_size": size, "strict": False}
        return sample_hit_users(
            self.recommendations,
            self.past,
            self.test,
            seed=self.config["seed"],
            tuning_share=self.config["tuning"]["share"],
            tunes=self.tunes,
            **subset,
        )

    def _answered(self, method: str, users: pa.Table) -> Answered:
        """Ask a language model about these users, and read its answers."""
        settings = {**DEFAULTS, **self.config["rerankers"][method]}
        llm = self.config["llms"][settings["llm"]]
        responses = self._responses(method, settings, llm, users)
        answer_format = self.prompts[method].answer_format
        reranked = rerank_answers(
            users, responses, self.catalogue, answer_format, settings["aggregate"]
        )
        counts = reranked.repairs.counts or AnswerCounts()
        unread_share = self.config["report"]["unread_share"]
        problem = problem_of_shares(
            counts.share("unread"), counts.share("order_shown"), unread_share
        )
        return Answered(reranked.rankings, usage_of(responses), llm.get("price"), problem)

    def _responses(
        self, method: str, settings: Mapping[str, Any], llm: Mapping[str, Any], users: pa.Table
    ) -> pa.Table:
        """Return table RESPONSES: kept answers, and new ones."""
        seed, store = self.config["seed"], self.config["store"]
        kept = Store(store["path"], offline=store["offline"])
        shown = {"seed": seed, "passes": settings["passes"], "shuffle": settings["shuffle"]}
        name = f"llms.{settings['llm']}"
        ask = ask_of(method, settings, self.prompts[method], llm.get("max_tokens"))
        if llm["adapter"] in IN_PROCESS:
            session = Session(name, llm, kept, self.weights.get(settings["llm"]), self.threads)
            return query_local_llm(users, self.catalogue, ask, session, **shown)
        with reachable(name, llm, seed) as service:
            return query_service(
                users,
                self.catalogue,
                ask,
                chat_settings(llm, seed),
                kept,
                service=service,
                budget=self.config["budget"],
                **shown,
            )

    def _seen(self, method: str, users: pa.Table, answered: Mapping[str, Answered]) -> Seen:
        mine = {name: answered[name] for name in self._asked_by(method)}
        k = candidate_lists(users).shape[1]
        cutoff = main_cutoffs([c for c in self.config["report"]["cutoffs"] if c <= k], k)[-1]
        hit = _is_hit(ground_truth_ranks(method, self._order(method, users, mine), users), cutoff)
        was_hit = _is_hit(ground_truth_ranks("recommender", as_ranking(users), users), cutoff)
        problems = {part.problem for part in mine.values()}
        dollars = [part.usd for part in mine.values()]
        return Seen(
            n=users.num_rows,
            hits=int(hit.sum()),
            recommenders_hits=int(was_hit.sum()),
            wins=int((hit & ~was_hit).sum()),
            losses=int((was_hit & ~hit).sum()),
            problem=next((problem for problem in (UNREADABLE, ECHO) if problem in problems), None),
            answers=sum(part.usage.answers for part in mine.values()),
            tokens=sum(part.tokens for part in mine.values()),
            usd=None if None in dollars else sum(filter(None, dollars)),
        )

    def _order(self, method: str, users: pa.Table, mine: Mapping[str, Answered]) -> pa.Table:
        orders = {name: part.rankings for name, part in mine.items()}
        if method in self.fusions:
            return self.fusions[method].fused(users, orders)
        return orders[method]


def _is_hit(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    return (ranks > 0) & (ranks <= cutoff)
