"""What a look sees: the first users of the seeded order, their answers, and their hits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from microrank.data.subset import sample_hit_users
from microrank.evaluation.metrics import main_cutoffs
from microrank.evaluation.ranks import as_ranking, candidate_lists, ground_truth_ranks
from microrank.evaluation.usage import usage_of
from microrank.evaluation.verdicts import problem_of_shares
from microrank.llm.answer_counts import AnswerCounts
from microrank.llm.prompts import Prompt
from microrank.llm.query import chat_settings, reachable
from microrank.llm.query_service import query_service
from microrank.local_llm.asks import ask_of
from microrank.local_llm.query import query_local_llm
from microrank.local_llm.requests import ADAPTER
from microrank.local_llm.session import Session
from microrank.rerank.answers import rerank_answers
from microrank.rerank.llm import Reranked
from microrank.services.failures import Pending
from microrank.services.price import Price
from microrank.services.store import Store
from microrank.settle.looks import Seen
from microrank.tables import Batches

DEFAULTS = {"passes": 1, "shuffle": False, "aggregate": "borda"}


@dataclass(frozen=True)
class Looker:
    """Asks the language models of a study about its first users, and counts their hits.

    Attributes:
        config: The checked config.
        recommendations: Table RECOMMENDATIONS.
        past: The splits before test, oldest first.
        test: Table SPLIT.
        catalogue: Table ITEMS.
        prompts: Method -> its prompt.
        weights: Entry of `llms` -> the folder of its weights, where a rule unpacks them.
        tunes: Whether the study tunes fusions, whose users are then never drawn.
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
    threads: int = 1

    @cached_property
    def everybody(self) -> int:
        """The number of users who may be drawn."""
        return self._users("all").num_rows

    def see(self, n: int, methods: Sequence[str]) -> dict[str, Seen]:
        """Look at the first n users: ask what no answer is kept of, and count.

        Raises:
            Pending: answers come in batches that are not done; all methods' are under way.
            StudyError: something could not be asked.
        """
        users = self._users(n)
        seen: dict[str, Seen] = {}
        pending: list[str] = []
        for method in methods:
            try:
                seen[method] = self._seen(method, users)
            except Pending as error:
                pending.append(str(error))
        if pending:
            raise Pending("; ".join(pending))
        return seen

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

    def _seen(self, method: str, users: pa.Table) -> Seen:
        settings = {**DEFAULTS, **self.config["rerankers"][method]}
        llm = self.config["llms"][settings["llm"]]
        responses = self._responses(method, settings, llm, users)
        answer_format = self.prompts[method].answer_format
        reranked = rerank_answers(
            users, responses, self.catalogue, answer_format, settings["aggregate"]
        )
        return self._counted(method, users, reranked, responses, llm.get("price"))

    def _responses(
        self, method: str, settings: Mapping[str, Any], llm: Mapping[str, Any], users: pa.Table
    ) -> pa.Table:
        """Return table RESPONSES: kept answers, and new ones."""
        seed, store = self.config["seed"], self.config["store"]
        kept = Store(store["path"], offline=store["offline"])
        shown = {"seed": seed, "passes": settings["passes"], "shuffle": settings["shuffle"]}
        name = f"llms.{settings['llm']}"
        ask = ask_of(method, settings, self.prompts[method], llm.get("max_tokens"))
        if llm["adapter"] == ADAPTER:
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

    def _counted(
        self,
        method: str,
        users: pa.Table,
        reranked: Reranked,
        responses: pa.Table,
        price: Mapping[str, Any] | None,
    ) -> Seen:
        k = candidate_lists(users).shape[1]
        cutoff = main_cutoffs([c for c in self.config["report"]["cutoffs"] if c <= k], k)[-1]
        hit = _is_hit(ground_truth_ranks(method, reranked.rankings, users), cutoff)
        was_hit = _is_hit(ground_truth_ranks("recommender", as_ranking(users), users), cutoff)
        counts, usage = reranked.repairs.counts or AnswerCounts(), usage_of(responses)
        return Seen(
            n=users.num_rows,
            hits=int(hit.sum()),
            recommenders_hits=int(was_hit.sum()),
            wins=int((hit & ~was_hit).sum()),
            losses=int((was_hit & ~hit).sum()),
            problem=problem_of_shares(
                counts.share("unread"),
                counts.share("order_shown"),
                self.config["report"]["unread_share"],
            ),
            answers=usage.answers,
            tokens=usage.prompt_tokens + usage.completion_tokens,
            usd=usage.dollars(Price(**price)) if price else None,
        )


def _is_hit(ranks: np.ndarray, cutoff: int) -> np.ndarray:
    return (ranks > 0) & (ranks <= cutoff)
