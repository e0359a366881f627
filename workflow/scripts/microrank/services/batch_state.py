"""What a batch's state means: for its questions, and for when to look again."""

from collections.abc import Sequence
from datetime import UTC, datetime

from microrank.services.batch import Batch
from microrank.services.batch_lines import Form, Outcome
from microrank.services.batch_notes import BatchNote

CHECK_AGAIN_S = 600.0  # where a batch does not tell how far it is


def when_to_look(batches: Sequence[Batch], now: float) -> str:
    """Which batches are not done, and when to look again."""
    told = ", ".join(told_of(batch) for batch in batches[:3])
    more = f" and {len(batches) - 3} more" if len(batches) > 3 else ""
    then = datetime.fromtimestamp(max(_look_again_at(batch, now) for batch in batches), UTC)
    are = "batch is" if len(batches) == 1 else "batches are"
    return (
        f"{len(batches)} {are} not done ({told}{more}); run again after {then:%Y-%m-%d %H:%M} UTC"
    )


def is_of(batch: Batch, note: BatchNote) -> bool:
    is_same_file = note.file_id is not None and batch.input_file_id == note.file_id
    return batch.name == note.name or is_same_file


def untold(batch: Batch, form: Form) -> Outcome:
    """What to make of a question that stands in neither file of a batch."""
    if batch.status == "expired":
        return Outcome(again=form)
    why = "; ".join(batch.problems[:3]) or "no line of its files is about this question"
    return Outcome(failure=f"batch {batch.id} is {batch.status}: {why}")


def told_of(batch: Batch) -> str:
    progress = f", {batch.done} of {batch.total}" if batch.total else ""
    return f"{batch.id}: {batch.status}{progress}"


def _look_again_at(batch: Batch, now: float) -> float:
    """When a batch is probably done, as far as it tells; it is so at the latest when it expires."""
    then = now + CHECK_AGAIN_S
    if batch.created_at is not None and 0 < batch.done < batch.total and now > batch.created_at:
        then = now + (now - batch.created_at) * (batch.total - batch.done) / batch.done
    latest = batch.expires_at
    return min(then, latest) if latest is not None and latest > now else then
