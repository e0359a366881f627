"""Python threads share a step's users, and torch is as it was afterwards."""

from collections.abc import Iterator
from copy import deepcopy

import pytest
import torch
from microrank.nfm.loss import _SampledSoftmax, batch_loss
from microrank.nfm.model import NFM
from microrank.nfm.threads import ONE_THREAD, Threads, python_threads
from nfm.test_loss import LAYERS, PAIRS, batch_of, model_of

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def threads_of_torch() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def gradients(model: NFM, seed: int, threads: Threads) -> list[torch.Tensor]:
    """Loss, gradients and running statistics of a batch."""
    model = deepcopy(model)
    loss = batch_loss(model, batch_of(seed, [2, 5, 3, 7], True, 4), threads)
    loss.backward()
    return [loss.detach(), *(value.grad for value in model.parameters()), *model.buffers()]


@pytest.mark.parametrize("hidden", [LAYERS, PAIRS])
@pytest.mark.parametrize("count", [2, 3, 64])
def test_threads_find_the_gradients_of_one(count: int, hidden: int) -> None:
    """Also where they are more than the users."""
    model = model_of(3, 5, hidden, False)
    alone = gradients(model, 3, ONE_THREAD)
    torch.set_num_threads(count)
    with python_threads(CPU) as threads:
        assert threads.count == count
        shared = gradients(model, 3, threads)
        again = gradients(model, 3, threads)
    for one, many, more in zip(alone, shared, again, strict=True):
        torch.testing.assert_close(many, one, rtol=1e-10, atol=1e-10)
        assert torch.equal(many, more), "whichever thread ends first"


@pytest.mark.parametrize("hidden", [LAYERS, PAIRS])
def test_a_part_without_users_has_no_loss_and_moves_nothing(hidden: int) -> None:
    """As where processes are more than the users of a batch."""
    part = batch_of(3, [2, 5], True, 4).part(0, 100)
    assert len(part.target) == 0
    n, model = part.n_users, model_of(3, 5, hidden, False)
    vectors = torch.ones(len(part.candidates), 5, dtype=torch.float64, requires_grad=True)
    slope, level = (torch.zeros(0, 5, dtype=torch.float64, requires_grad=True) for _ in "ab")
    layers = (model.hidden.weight, model.hidden.bias, model.output.weight[0], model.output.bias)
    loss = _SampledSoftmax.apply(slope, level, vectors, *layers, part, False, ONE_THREAD)
    loss.backward()
    assert n > 0
    assert float(loss.detach()) == 0
    assert not vectors.grad.any()
    assert not any(value.grad.any() for value in model.hidden.parameters())


def test_torch_works_with_one_thread_in_each_and_then_with_as_many_as_before() -> None:
    torch.set_num_threads(3)
    with python_threads(CPU) as threads:
        assert list(threads.map(lambda _: torch.get_num_threads(), range(9))) == [1] * 9
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_an_error_in_a_thread_is_raised_and_torch_is_as_before() -> None:
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError), python_threads(CPU) as threads:
        list(threads.map(lambda divisor: 1 / divisor, [1, 0]))
    assert torch.get_num_threads() == 2


def test_a_gpu_and_a_single_processor_get_one_thread() -> None:
    torch.set_num_threads(2)
    with python_threads(torch.device("cuda")) as threads:
        assert threads is ONE_THREAD
    torch.set_num_threads(1)
    with python_threads(CPU) as threads:
        assert threads is ONE_THREAD
