"""What must be remembered for a week after it ended, in day buckets, so that remembering stays cheap."""

from typing import Final, TypeVar

from trading_mcp.core.domain.market import DAY

T = TypeVar("T")
RECALL_DAYS: Final = 7


def remember(buckets: dict[int, dict[str, T]], key: str, value: T, at: int) -> dict[int, dict[str, T]]:
    """Return the buckets with one more memory; only today's is copied, the oldest fall away."""
    # A clock that stepped back must not file what is newest behind what is older.
    today = max(at // DAY, *buckets) if buckets else at // DAY
    kept = buckets
    if today not in buckets:
        kept = {day: bucket for day, bucket in buckets.items() if day >= today - RECALL_DAYS}
    return {**kept, today: {**kept.get(today, {}), key: value}}


def recall(buckets: dict[int, dict[str, T]], key: str) -> T | None:
    """Return what is remembered under a key; the newest memory wins."""
    # Days are added in order, so the newest comes last.
    for bucket in reversed(buckets.values()):
        found = bucket.get(key)
        if found is not None:
            return found
    return None
