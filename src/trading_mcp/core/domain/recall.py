"""What must be remembered for a week after it ended, in day buckets, so that remembering stays cheap."""

from typing import Final, TypeVar

from trading_mcp.core.domain.market import DAY

T = TypeVar("T")
RECALL_DAYS: Final = 8


def remember(buckets: dict[int, dict[str, T]], key: str, value: T, at: int) -> dict[int, dict[str, T]]:
    """Return the buckets with one more memory; only today's is copied, the oldest fall away."""
    today = at // DAY
    kept = buckets
    if today not in buckets and len(buckets) >= RECALL_DAYS:
        # Days on which something happened are counted, not dates: a clock that leapt ahead forgets nothing.
        kept = {day: buckets[day] for day in sorted(buckets)[1 - RECALL_DAYS :]}
    if today < next(reversed(kept), today):
        # A clock that stepped back must not file what is newest behind what is older.
        kept = _without(kept, key, today)
    return {**kept, today: {**kept.get(today, {}), key: value}}


def _without(buckets: dict[int, dict[str, T]], key: str, today: int) -> dict[int, dict[str, T]]:
    """Return the buckets in the order of their days, today's among them, with one memory less."""
    days = sorted({*buckets, today})
    return {day: {name: item for name, item in buckets.get(day, {}).items() if name != key} for day in days}


def recall(buckets: dict[int, dict[str, T]], key: str) -> T | None:
    """Return what is remembered under a key; the newest memory wins."""
    # Days are added in order, so the newest comes last.
    for bucket in reversed(buckets.values()):
        found = bucket.get(key)
        if found is not None:
            return found
    return None
