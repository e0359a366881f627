"""An upper bound of every score, for a small share of the arithmetic of the scores themselves.

Let x be a user's hidden values for an item before ReLU, with |w2| folded in (folded_model.py). For
units whose w2 is positive, ReLU(x) = (x + |x|)/2, and by the Cauchy–Schwarz inequality

    Σ |x_h|  ≤  √(Σ x_h²/p_h)        for any positive shares p that sum to 1.

For the others −ReLU(x) ≤ −α·x with any α of 0 to 1. What is outside the root is thus one product of
vectors a user and item. The sum of squares below it is a quadratic form of t∘v, with t = a∘S of the
user, and its matrix M is the same for all users:

    Σ x_h²/p_h  =  (t∘v)ᵀ·M·(t∘v) + 2·c·v + e,      M = W1ᵀ·diag(1/p)·W1.

With eigenvalues λ in falling order and eigenvectors u_j, and for any r,

    M  ≤  λ_(r+1)·I + Σ_(j ≤ r) (λ_j − λ_(r+1))·u_j·u_jᵀ,

so r products of vectors and one of squares bound it: no product with all hidden units is formed.
"""

from dataclasses import dataclass

import torch

from microrank.nfm.folded_model import FoldedModel

RANK = 4  # r: more make the bound closer, and dearer
SAMPLED_ITEMS = 64  # on which α is fitted; the bound holds for any
ITEMS_AT_ONCE = 2048  # the bounds of a block of users stay in the cache until they are finished
UNIT = 2.0**-24  # the largest relative rounding of a float32


@dataclass(frozen=True)
class ScoreBound:
    """The parts of the bound that all users share.

    Attributes:
        folded: the model, float64.
        items: v, float32, [d, n_items + 1].
        squares: v² and v, float32, [2d, n_items + 1].
        longest: the largest ‖v‖.
        positive: which units have a positive w2, [h].
        root_weights: W1/(4p) of those units, [h⁺, d].
        shares: p of those units, [h⁺].
        axes: √(λ_j − λ_(r+1))·u_j of M/4, [r, d].
        rest: λ_(r+1) of M/4.
    """

    folded: FoldedModel
    items: torch.Tensor
    squares: torch.Tensor
    longest: float
    positive: torch.Tensor
    root_weights: torch.Tensor
    shares: torch.Tensor
    axes: torch.Tensor
    rest: float

    @classmethod
    def of(cls, folded: FoldedModel) -> "ScoreBound":
        """The bound of a model that was folded in float64."""
        positive = folded.signs > 0
        weights = folded.hidden_weight[positive]
        lengths = torch.linalg.vector_norm(weights, dim=1)
        shares = lengths + lengths.mean() + 1e-30
        shares /= shares.sum()
        root_weights = weights / (4 * shares[:, None])
        eigenvalues, vectors = torch.linalg.eigh(weights.T @ root_weights)
        eigenvalues = eigenvalues.flip(0).clamp(min=0)
        rank = min(RANK, len(eigenvalues) - 1)
        # The share covers the roundings of the decomposition itself.
        rest = eigenvalues[rank] + 1e-9 * eigenvalues[0]
        heights = (eigenvalues[:rank] - eigenvalues[rank]).sqrt()
        items = folded.items.T.float().contiguous()
        return cls(
            folded,
            items,
            torch.cat([items.square(), items]),
            float(torch.linalg.vector_norm(folded.items, dim=1).max()),
            positive,
            root_weights,
            shares,
            heights[:, None] * vectors.flip(1)[:, :rank].T,
            float(rest),
        )

    def ceilings(
        self, slope: torch.Tensor, weights: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """What no score exceeds: [n_users, n_items + 1], float32.

        It is computed in float32. What rounding may take away is added to the two constants of each
        user first: for n products added up in whatever order it is at most n·2⁻²⁴ (and a little) of
        the sum of their absolute values (Higham, Accuracy and Stability of Numerical Algorithms,
        2002, §3.1).

        Args:
            slope: t of the users, [n_users, d], float64.
            weights: of `FoldedModel.user_layers`, [n_users, h, d].
            bias: of the same, [n_users, h].
        """
        linear, level = self._linear_part(weights, bias)
        squares, centre, along = self._quadratic_part(slope, bias)
        dimension = slope.shape[1]
        lengths = torch.linalg.vector_norm
        sizes = centre + self.longest**2 * (
            along.square().sum(dim=(0, 2)) + squares[:, :dimension].amax(dim=1)
        )
        sizes += self.longest * lengths(squares[:, dimension:], dim=1)
        linear_sizes = lengths(linear, dim=1) * self.longest + level.abs()
        roundings = 1.02 * UNIT * (2 * dimension + RANK + 16)
        centre = centre + roundings * sizes + 1e-30
        level = level + roundings * (linear_sizes + sizes.sqrt()) + 1e-30
        return self._evaluated(
            linear.float(), level.float(), squares.float(), centre.float(), along.float()
        )

    def _linear_part(
        self, weights: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What is outside the root: a vector that meets v [n_users, d], a constant [n_users]."""
        negative = ~self.positive
        step = -(-len(self.folded.items) // SAMPLED_ITEMS)
        sampled = self.folded.items[1::step]
        active = (
            torch.baddbmm(
                bias[:, negative, None], weights[:, negative], sampled.T.expand(len(bias), -1, -1)
            )
            > 0
        )
        factors = bias.new_full(bias.shape, 0.5)
        factors[:, negative] = -active.to(bias.dtype).mean(dim=2)
        linear = torch.bmm(factors[:, None], weights)[:, 0]
        return linear, (factors * bias).sum(dim=1) + self.folded.output_bias

    def _quadratic_part(
        self, slope: torch.Tensor, bias: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What stands below the root, a quarter of Σ x_h²/p_h.

        Returns:
            Vectors that meet v² and v, [n_users, 2d]; a constant, [n_users]; and vectors whose
            products with v are squared, [r, n_users, d].
        """
        bias = bias[:, self.positive]
        crossed = 2 * slope * (bias @ self.root_weights)
        return (
            torch.cat([self.rest * slope.square(), crossed], dim=1),
            (bias.square() / (4 * self.shares)).sum(dim=1),
            self.axes[:, None] * slope,
        )

    def _evaluated(
        self,
        linear: torch.Tensor,
        level: torch.Tensor,
        squares: torch.Tensor,
        centre: torch.Tensor,
        along: torch.Tensor,
    ) -> torch.Tensor:
        ceilings = torch.empty(len(linear), self.items.shape[1], device=linear.device)
        for first in range(0, self.items.shape[1], ITEMS_AT_ONCE):
            block = slice(first, first + ITEMS_AT_ONCE)
            vectors = self.items[:, block]
            below_root = torch.addmm(centre[:, None], squares, self.squares[:, block])
            for vector in along:
                product = vector @ vectors
                below_root.addcmul_(product, product)
            outside = torch.addmm(level[:, None], linear, vectors)
            torch.add(outside, below_root.clamp_(min=0).sqrt_(), out=ceilings[:, block])
        return ceilings
