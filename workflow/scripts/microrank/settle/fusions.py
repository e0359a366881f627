"""Fusions at planned looks: their number is chosen on other users, before the first look."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from microrank.rerank.fusion import choose_fusion, fuse
from microrank.rerank.fusion_choice import FusionChoice
from microrank.tables import Batches, rows_of


@dataclass(frozen=True)
class LookedFusion:
    """A fusion with a language model.

    Attributes:
        choice: Its number, and how it was chosen.
        ready: Part -> its order of the lists of all users who may be looked at; of the parts that
            ask no language model.
    """

    choice: FusionChoice
    ready: Mapping[str, Batches]

    @property
    def asked(self) -> list[str]:
        """The parts that ask a language model."""
        return [name for name in self.choice.used if name not in self.ready]

    def fused(self, users: pa.Table, answered: Mapping[str, pa.Table]) -> pa.Table:
        """Fuse the parts' orders of some users' lists.

        Args:
            users: Table SUBSET.
            answered: Part that asks a language model -> table RANKINGS of these users.

        Returns:
            Table RANKINGS.
        """
        ids = users["user_id"].to_numpy()
        parts = [
            answered[name] if name in answered else rows_of(self.ready[name], ids)
            for name in self.choice.used
        ]
        return fuse(self.choice, users, parts)


def looked_fusions(
    settings: Mapping[str, Mapping[str, Any]],
    ready: Mapping[str, Batches],
    tuning: pa.Table,
    tuning_parts: Mapping[str, Batches],
) -> dict[str, LookedFusion]:
    """Choose the number of every fusion.

    Args:
        settings: Fusion -> its entry of `rerankers`.
        ready: As in `LookedFusion`, of all fusions together.
        tuning: Table SUBSET of the tuning users.
        tuning_parts: Part -> its order of the tuning users' lists.
    """
    users = tuning["user_id"].to_numpy()
    orders = {name: rows_of(table, users) for name, table in tuning_parts.items()}
    return {
        name: LookedFusion(
            choose_fusion(of["fusion"], tuning, [orders[part] for part in of["of"]], of["of"]),
            {part: ready[part] for part in of["of"] if part in ready},
        )
        for name, of in settings.items()
    }
