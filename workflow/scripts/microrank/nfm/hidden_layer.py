"""The hidden layer ReLU(W1·(t_u∘v_i) + b_u) of users u and all candidates i, and its gradients.

Three forms have the same results up to rounding. Which one costs least depends on the sizes.
"""

from abc import ABC, abstractmethod

import torch

from microrank.nfm.folded_model import product, product_by_onednn, relu_layer

# Values (users × candidates × the larger of hidden and d) in memory at a time.
LAYERS_AT_ONCE, PAIRS_AT_ONCE = 2**20, 2**21
# From this h and d on, seven products of blocks pay: 5 % of a step at 768, 7 at 1024, 11 at 2048.
BLOCKS_FROM = 768


class HiddenLayer(ABC):
    """The layer of one part of the users after the other; gradients of v and W1 are added up.

    The hidden values' gradient comes without its factor w2, which is put back where arrays are
    small.

    Attributes:
        vectors: v, [c, d].
        w1: [h, d].
        w2_w1: w2∘W1, [h, d].
        values_at_once: how many values a part may have, its users × c × max(h, d).
    """

    values_at_once: int

    def __init__(self, vectors: torch.Tensor, w1: torch.Tensor, w2_w1: torch.Tensor) -> None:
        self.vectors, self.w1, self.w2_w1 = vectors, w1, w2_w1
        self.d_vectors, self.d_w1 = torch.zeros_like(vectors), torch.zeros_like(w1)

    def gradients_of_all(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Of v, [c, d], and of W1 without the factor w2, [h, d], summed over all users."""
        return self.d_vectors, self.d_w1

    @abstractmethod
    def hidden(self, slope: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """The values of n users, [c, n, h], from t [n, d] and b [n, h]."""

    @abstractmethod
    def gradient(self, d_hidden: torch.Tensor) -> torch.Tensor:
        """Of t, [n, d]; adds to the gradients of v and W1.

        Args:
            d_hidden: the gradient of the last `hidden`'s values, in the same memory, [c, n, h].
        """


class LayerOfUser(HiddenLayer):
    """As (W1·diag(t_u))·v_i, one layer a user.

    A layer costs less to form than a user's pairs where candidates outnumber hidden units.
    """

    values_at_once = LAYERS_AT_ONCE

    def hidden(self, slope: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """One product of the candidates with all users' layers."""
        self.slope = slope[:, None]
        layers = (self.w1 * self.slope).flatten(0, 1)
        return relu_layer(self.vectors, layers, bias.flatten()).view(len(self.vectors), *bias.shape)

    def gradient(self, d_hidden: torch.Tensor) -> torch.Tensor:
        """One product for v, and one for t and W1 together."""
        d_hidden = d_hidden.flatten(1)
        self.d_vectors.addmm_(d_hidden, (self.w2_w1 * self.slope).flatten(0, 1))
        d_layers = (self.vectors.T @ d_hidden).T.view(len(self.slope), *self.w1.shape)
        d_slope = (d_layers * self.w2_w1).sum(dim=1)
        self.d_w1 += d_layers.mul_(self.slope).sum(dim=0)
        return d_slope


class Pairs(HiddenLayer):
    """As W1·(t_u∘v_i): every pair of user and candidate is formed."""

    values_at_once = PAIRS_AT_ONCE

    def hidden(self, slope: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """One product of all pairs with W1."""
        self.slope = slope
        self.pairs = (self.vectors[:, None] * slope).flatten(0, 1)
        return product(self.pairs, self.w1).view(len(self.vectors), *bias.shape).add_(bias).relu_()

    def gradient(self, d_hidden: torch.Tensor) -> torch.Tensor:
        """One product for W1, and one for t and v together."""
        d_hidden = d_hidden.flatten(0, 1)
        self.d_w1.addmm_(d_hidden.T, self.pairs)
        shape = len(self.vectors), *self.slope.shape
        d_pairs = product(d_hidden, self.w2_w1.T).view(shape)
        scratch = self.pairs.view(shape)
        del self.pairs
        return self._gradient_of_slope(d_pairs, scratch)

    def _gradient_of_slope(self, d_pairs: torch.Tensor, scratch: torch.Tensor) -> torch.Tensor:
        """From that of the pairs, [c, n, d]; adds to the gradient of v."""
        times_vectors = torch.mul(d_pairs, self.vectors[:, None], out=scratch)
        self.d_vectors += d_pairs.mul_(self.slope).sum(dim=1)
        return times_vectors.sum(dim=0)


class BlocksOfPairs(Pairs):
    """As `Pairs`, with seven products of blocks in place of eight.

    Pairs A, B = W1ᵀ and hidden values C = A·B have 2 × 2 blocks each. Half of the candidates are
    the upper blocks of A and C. The products are those of V. Strassen, "Gaussian elimination is not
    optimal" (Numerische Mathematik 13, 1969):

        1: (A11 + A22)·(B11 + B22)    2: (A21 + A22)·B11    3: A11·(B12 − B22)
        4: A22·(B21 − B11)            5: (A11 + A12)·B22    6: (A21 − A11)·(B11 + B12)
        7: (A12 − A22)·(B21 + B22)

        C11 = 1 + 4 − 5 + 7    C12 = 3 + 5    C21 = 2 + 4    C22 = 1 − 2 + 3 + 6

    A gradient goes back through the same sums: that of product 2, say, is the gradient of C21 less
    that of C22.
    """

    def __init__(self, vectors: torch.Tensor, w1: torch.Tensor, w2_w1: torch.Tensor) -> None:
        super().__init__(vectors, w1, w2_w1)
        self.n_candidates = len(vectors)
        # An odd candidate gets a neighbour of zeros, whose hidden values nobody reads.
        self.vectors = torch.nn.functional.pad(vectors, (0, 0, 0, len(vectors) % 2))
        self.d_vectors = torch.zeros_like(self.vectors)
        self.b, self.w2_b = _factors_of_weights(w1), _factors_of_weights(w2_w1)
        self.d_b = torch.zeros_like(self.b)

    def hidden(self, slope: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        """Each product is added to its blocks of C as soon as it is there."""
        self.slope, self.a = slope, self._factors_of_pairs(slope)
        a1, a2, a3, a4, a5, a6, a7 = self.a
        b1, b2, b3, b4, b5, b6, b7 = self.b.transpose(1, 2)
        self.values = slope.new_empty(len(self.vectors), *bias.shape)
        c11, c12, c21, c22 = _blocks(self.values.flatten(0, 1))
        torch.mm(a1, b1, out=c11)
        torch.mm(a3, b3, out=c12)
        torch.mm(a4, b4, out=c21)
        torch.add(c11, c12, out=c22).addmm_(a6, b6)
        c11.add_(c21).addmm_(a7, b7)
        self.product = a5 @ b5
        c11 -= self.product
        c12 += self.product
        torch.mm(a2, b2, out=self.product)
        c21 += self.product
        c22 -= self.product
        return self.values.add_(bias).relu_()[: self.n_candidates]

    def gradient(self, d_hidden: torch.Tensor) -> torch.Tensor:
        """Each product's gradient goes to its factor of W1, and to its blocks of A."""
        self.values[self.n_candidates :] = 0
        c11, c12, c21, c22 = _blocks(self.values.flatten(0, 1))
        d_pairs = d_hidden.new_empty(len(self.vectors), *self.slope.shape)
        a11, a12, a21, a22 = _blocks(d_pairs.flatten(0, 1))
        one = self.product
        self._back(1, torch.add(c11, c22, out=one), a11)
        self._back(2, torch.sub(c21, c22, out=one), a21)
        torch.add(a11, a21, out=a22)
        self._back(4, torch.add(c11, c21, out=one), a22, add=True)
        self._back(5, torch.sub(c12, c11, out=one), a12)
        a11 += a12
        self._back(3, torch.add(c12, c22, out=one), a11, add=True)
        share = torch.empty_like(self.a[0])
        self._back(6, c22, share)
        a11 -= share
        a21 += share
        self._back(7, c11, share)
        a12 += share
        a22 -= share
        scratch = self.a[:4].view_as(d_pairs)
        del self.a, self.values, self.product
        return self._gradient_of_slope(d_pairs, scratch)

    def _back(
        self, number: int, d_product: torch.Tensor, d_a: torch.Tensor, add: bool = False
    ) -> None:
        """Take a product's gradient to its factors: add it to B's, put it into A's or add it."""
        self.d_b[number - 1].addmm_(d_product.T, self.a[number - 1])
        torch.addmm(d_a, d_product, self.w2_b[number - 1], beta=float(add), out=d_a)

    def gradients_of_all(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Of v and W1: the latter from its seven factors."""
        d1, d2, d3, d4, d5, d6, d7 = self.d_b
        d11, d21, d12, d22 = _blocks(self.d_w1)
        d11.copy_(d1 + d2 - d4 + d6)
        d21.copy_(d4 + d7)
        d12.copy_(d3 + d6)
        d22.copy_(d1 - d3 + d5 + d7)
        return self.d_vectors[: self.n_candidates], self.d_w1

    def _factors_of_pairs(self, slope: torch.Tensor) -> torch.Tensor:
        """A's side of the seven products: [7, rows of a block, d / 2]."""
        t1, t2 = slope.chunk(2, dim=1)
        v11, v12, v21, v22 = (v[:, None] for v in _blocks(self.vectors))
        factors = slope.new_empty(7, len(v11), *t1.shape)
        a1, a2, a3, a4, a5, a6, a7 = factors
        torch.mul(v11, t1, out=a3)
        torch.mul(v22, t2, out=a4)
        torch.add(a3, a4, out=a1)
        torch.addcmul(a4, v21, t1, out=a2)
        torch.addcmul(a3, v12, t2, out=a5)
        torch.mul(v21 - v11, t1, out=a6)
        torch.mul(v12 - v22, t2, out=a7)
        return factors.flatten(1, 2)


def _blocks(matrix: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Upper left, upper right, lower left, lower right."""
    upper, lower = matrix.chunk(2)
    upper_left, upper_right = upper.chunk(2, dim=1)
    lower_left, lower_right = lower.chunk(2, dim=1)
    return upper_left, upper_right, lower_left, lower_right


def _factors_of_weights(weights: torch.Tensor) -> torch.Tensor:
    """B's side of the seven products, transposed: [7, h / 2, d / 2]."""
    b11, b21, b12, b22 = _blocks(weights)
    return torch.stack([b11 + b22, b11, b12 - b22, b21 - b11, b22, b11 + b12, b21 + b22])


def cheapest_form(vectors: torch.Tensor, w1: torch.Tensor) -> type[HiddenLayer]:
    """Of the hidden layer of candidates v, [c, d], with W1, [h, d]."""
    if len(w1) < len(vectors):
        return LayerOfUser
    large = min(w1.shape) >= BLOCKS_FROM and not any(size % 2 for size in w1.shape)
    if large and w1.device.type == "cpu" and not product_by_onednn(w1):
        return BlocksOfPairs
    return Pairs
