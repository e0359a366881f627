"""The time that results bear."""

import os
from datetime import UTC, datetime


def now() -> str:
    """Return the time in UTC, such as 2026-11-26 19:30.

    SOURCE_DATE_EPOCH, seconds since 1970, stands for the clock where the environment sets it, so
    that two runs leave the same bytes (reproducible-builds.org/specs/source-date-epoch).
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    time = datetime.fromtimestamp(int(epoch), UTC) if epoch.isdigit() else datetime.now(UTC)
    return time.strftime("%Y-%m-%d %H:%M")
