"""Log-probabilities from a causal language model: rows in batches, a shared prefix only once."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from microrank.errors import StudyError
from microrank.local_llm.model import LocalModel
from microrank.local_llm.rows import Row, likelihood_row, separated, visible

BATCH_TOKENS = {"cpu": 1024, "cuda": 16384}  # padded tokens of one batch
PROGRESS_EVERY_S = 10.0
# How far two ways of batching may set a log-probability apart, in nats: candidates that are
# closer than this count as tied.
TOLERANCE = {"float64": 1e-9, "float32": 1e-3, "bfloat16": 0.5, "float16": 0.1}
# How far they may be apart where a model is tried; reading wrongly sets them further apart.
AGREEMENT = {"float64": 1e-6, "float32": 0.02, "bfloat16": 0.5, "float16": 0.1}
TRIAL_TEXT = "The cat sat on the mat, and a dog ran through every garden of our town."
log = logging.getLogger(__name__)


def log_probabilities(
    local: LocalModel,
    rows: Sequence[Row],
    *,
    batch_tokens: int | None = None,
    done: Callable[[int, np.ndarray], None] | None = None,
) -> list[np.ndarray]:
    """What each row reads: log-probabilities in nats, `[n_reads]`, float64.

    Args:
        local: the model.
        rows: in any order; rows of like length are batched.
        batch_tokens: padded tokens of one batch; None takes the device's default.
        done: called with a row's number and readings as soon as they are there.

    Raises:
        StudyError: a row is longer than the model reads, or does not fit into memory.
    """
    _check_lengths(local, rows)
    readings: dict[int, np.ndarray] = {}
    progress = _Progress(sum(map(len, rows)))
    for numbers in _batches(rows, batch_tokens or BATCH_TOKENS[local.device]):
        for number, values in zip(
            numbers, _read(local, [rows[number] for number in numbers]), strict=True
        ):
            readings[number] = values
            if done:
                done(number, values)
        progress.add(sum(len(rows[number]) for number in numbers))
    return [readings[number] for number in range(len(rows))]


def _batches(rows: Sequence[Row], batch_tokens: int) -> Iterator[list[int]]:
    """Numbers of rows, longest first, so that too little memory shows at once."""
    waiting = sorted(range(len(rows)), key=lambda number: (-len(rows[number]), number))
    while waiting:
        size = max(1, batch_tokens // len(rows[waiting[0]]))
        yield waiting[:size]
        waiting = waiting[size:]


def _read(local: LocalModel, rows: Sequence[Row]) -> list[np.ndarray]:
    """Read one batch; where memory does not suffice, its halves."""
    try:
        if all(row.is_plain for row in rows) or shares_prefixes(local, rows):
            return _forward(local, rows)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_of_memory(error):
            raise
        _free(local)
        return _read_less(local, rows, error)
    return [_joined(local, separated(row)) for row in rows]


def _read_less(local: LocalModel, rows: Sequence[Row], error: BaseException) -> list[np.ndarray]:
    if len(rows) > 1:
        half = len(rows) // 2
        log.warning("not enough memory for %d texts at once; trying %d", len(rows), half)
        return [*_read(local, rows[:half]), *_read(local, rows[half:])]
    if not rows[0].is_plain:
        return [_joined(local, separated(rows[0]))]
    raise StudyError(
        f"{local.name}: not enough memory for one text of {len(rows[0])} tokens; use a smaller "
        "model, or a machine with more memory"
    ) from error


def _joined(local: LocalModel, rows: Sequence[Row]) -> np.ndarray:
    """The readings of plain rows, one after the other."""
    size = max(1, BATCH_TOKENS[local.device] // max(map(len, rows)))
    parts = [_read(local, rows[start : start + size]) for start in range(0, len(rows), size)]
    return np.concatenate([values for part in parts for values in part])


@torch.inference_mode()
def _forward(local: LocalModel, rows: Sequence[Row]) -> list[np.ndarray]:
    """One pass of the model over a batch."""
    longest = max(map(len, rows))
    places = np.unique(np.concatenate([row.read_at for row in rows]))
    inputs = {
        "input_ids": _padded([row.tokens for row in rows], longest),
        "position_ids": _padded([row.positions for row in rows], longest),
    }
    if not all(row.is_plain for row in rows):
        inputs["attention_mask"] = _mask(rows, longest)
    inputs = {name: tensor.to(local.device) for name, tensor in inputs.items()}
    logits = local.logits(inputs, torch.from_numpy(places).to(local.device))
    return [
        _gathered(logits[number], np.searchsorted(places, row.read_at), row.read_tokens)
        for number, row in enumerate(rows)
    ]


def _gathered(logits: torch.Tensor, at: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Log softmax of `logits` [n_places, n_vocabulary] at places `at`, for `tokens`."""
    places, inverse = np.unique(at, return_inverse=True)
    chosen = logits[torch.from_numpy(places).to(logits.device)]
    chosen = chosen.to(torch.promote_types(logits.dtype, torch.float32))
    normaliser = chosen.logsumexp(-1)
    rows = torch.from_numpy(inverse).to(logits.device)
    values = chosen[rows, torch.from_numpy(tokens).to(logits.device)] - normaliser[rows]
    return values.double().cpu().numpy()


def _padded(values: Sequence[np.ndarray], length: int) -> torch.Tensor:
    """Zeros behind the shorter ones: what follows a token never changes its log-probability."""
    return torch.from_numpy(np.stack([np.pad(array, (0, length - len(array))) for array in values]))


def _mask(rows: Sequence[Row], longest: int) -> torch.Tensor:
    """[n_rows, 1, longest, longest], bool; padding sees itself, since no row may be empty."""
    mask = np.zeros((len(rows), 1, longest, longest), bool)
    mask[:, :, np.arange(longest), np.arange(longest)] = True
    for number, row in enumerate(rows):
        mask[number, 0, : len(row), : len(row)] = visible(row)
    return torch.from_numpy(mask)


def shares_prefixes(local: LocalModel, rows: Sequence[Row]) -> bool:
    """Whether this model may read these rows at once: tried on a small text, once a model.

    Models with a sliding window, a recurrent state or positions of their own making would read
    them wrongly; they get one text an ending.
    """
    window = local.sliding_window
    if window is not None and max(int(row.positions.max()) + 1 for row in rows) >= window:
        return False
    if local.shares_prefixes is None:
        local.shares_prefixes = _agrees(local)
        if not local.shares_prefixes:
            log.warning("%s: its kind cannot share a prefix; each candidate is read", local.name)
    return local.shares_prefixes


def _agrees(local: LocalModel) -> bool:
    """Whether a row read at once and its endings one by one give the same."""
    tokens = _trial_tokens(local)
    row = likelihood_row(tokens[:5], [tokens[5:8], tokens[8:12], tokens[2:4]])
    try:
        together = _forward(local, [row])[0]
    except (TypeError, ValueError, RuntimeError, IndexError) as error:
        if is_of_memory(error):
            raise
        return False
    apart = np.concatenate([_forward(local, [part])[0] for part in separated(row)])
    return bool(np.allclose(together, apart, rtol=0, atol=AGREEMENT[local.dtype]))


def _trial_tokens(local: LocalModel) -> list[int]:
    """Twelve tokens of ordinary text: rounding weighs more where a text makes no sense."""
    tokens = local.encode(TRIAL_TEXT)[:12]
    if len(set(tokens)) < 10:
        tokens = [2 + number % (local.n_tokens - 2) for number in range(12)]
    return tokens


def _check_lengths(local: LocalModel, rows: Sequence[Row]) -> None:
    longest = max((int(row.positions.max()) + 1 for row in rows), default=0)
    if local.context_length is not None and longest > local.context_length:
        raise StudyError(
            f"{local.name}: a question has {longest} tokens, and the model reads at most "
            f"{local.context_length}; lower subset.history_length, or use another model"
        )


def is_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory does not suffice, of a GPU or of the machine."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        "can't allocate memory" in str(error)
    )


def _free(local: LocalModel) -> None:
    if local.device == "cuda":
        torch.cuda.empty_cache()


class _Progress:
    """Logs the share of tokens that is done and the time that is left."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began = self._logged = time.monotonic()

    def add(self, n_tokens: int) -> None:
        self._done += n_tokens
        now = time.monotonic()
        if now - self._logged >= PROGRESS_EVERY_S and self._done < self._total:
            self._logged, rate = now, self._done / (now - self._began)
            log.info(
                "%d of %d tokens, %.0f a second, %.0f s left",
                self._done,
                self._total,
                rate,
                (self._total - self._done) / rate,
            )
