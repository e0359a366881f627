"""The arithmetic of MicroLens's published NFM, written anew: what the speed rows compare with.

Training puts every user's history beside every item of the batch. Ranking pools the history once,
and then forms a vector for every pair of user and item. Both are what
`REC/model/IdModel/nfm.py` of github.com/westlake-repl/MicroLens does (commit 44a595f), with our
parameters. A test holds both to the same numbers as ours.
"""

import torch
from microrank.nfm.loss import Batch
from microrank.nfm.model import NFM


def training_loss(model: NFM, batch: Batch) -> torch.Tensor:
    """The loss of a batch of whole chunks.

    Args:
        model: without recency decay or field matrix, which the peer lacks.
        batch: its positions, pads included, are the candidates of every user.
    """
    positions = torch.cat(
        [
            batch.candidates.repeat_interleave(batch.weight.long()),
            torch.zeros(batch.pads, dtype=torch.long),
        ]
    )
    n_users, n_positions = len(batch.history), len(positions)
    beside = positions.repeat(n_users)[:, None]
    sets = torch.cat([batch.history.repeat_interleave(n_positions, 0), beside], dim=1)
    vectors = model.items(sets)
    vectors = vectors * (sets != 0).to(vectors.dtype)[..., None].expand_as(vectors)
    pooled = 0.5 * (vectors.sum(dim=1) ** 2 - (vectors**2).sum(dim=1))
    logits = _scores(model, pooled).view(n_users, n_positions)

    place = torch.searchsorted(batch.candidates, positions).clamp(max=len(batch.candidates) - 1)
    logits = logits + (batch.log_q_correction - batch.weight.log())[place]
    left_out = torch.zeros(n_users, len(batch.candidates), dtype=torch.bool)
    left_out[batch.user_items] = True
    left_out = left_out[:, place] | (place == batch.target[:, None]) | (positions == 0)
    label = torch.searchsorted(positions[positions != 0], batch.candidates[batch.target])
    left_out = left_out.scatter(1, label[:, None], False)
    return torch.nn.functional.cross_entropy(logits.masked_fill(left_out, -1e8), label)


@torch.no_grad()
def predict(model: NFM, history: torch.Tensor) -> torch.Tensor:
    """Scores of the whole catalogue, [n_users, n_items + 1].

    Args:
        model: in evaluation mode, without recency decay or field matrix.
        history: item_index of each user's newest items, 0 for none, [n_users, history_length].
    """
    vectors = model.items(history) * (history != 0).to(model.items.weight.dtype)[..., None]
    pooled_history = 0.5 * (vectors.sum(dim=1) ** 2 - (vectors**2).sum(dim=1))
    pooled = pooled_history[:, None] + vectors.sum(dim=1)[:, None] * model.items.weight
    return _scores(model, pooled.flatten(0, 1)).view(len(history), -1)


def _scores(model: NFM, pooled: torch.Tensor) -> torch.Tensor:
    """The layers on pooled vectors, [n_pairs, d]; one number each."""
    scores = model.output(torch.relu(model.hidden(model.norm(pooled))))[:, 0]
    return scores.relu() if model.relu_on_score else scores
