"""What waits to be told on one way out: what repeats is merged, and what comes too fast is told together."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from trading_mcp.redact import redacted

SUBJECTS_MAX: Final = 12
# Of one subject the latest words are kept, and of one that is urgent so many of the first.
TEXTS_MAX: Final = 3
SUBJECT_LENGTH_MAX: Final = 100
TEXT_LENGTH_MAX: Final = 400
# So many times what is shown is looked at, so that a secret cut in two at its end is not shown.
REDACTED_MAX: Final = 8
# At most so many messages in any window; what comes meanwhile waits for the next one, together.
MESSAGES_MAX: Final = 6
WINDOW: Final = 60.0
# What happens in one turn of the desk is told in one message.
LINGER: Final = 0.3
# Once a window is full, what is urgent goes at most this often: it must be out within five seconds.
URGENT_EVERY: Final = 4.0


class Message(NamedTuple):
    """What goes out at once."""

    title: str
    body: str


class _Waiting(NamedTuple):
    texts: tuple[str, ...]
    times: int
    is_urgent: bool


class Pending:
    """Bounded however much comes: a subject is kept once with few words, the rest is counted."""

    def __init__(self) -> None:
        self._waiting: dict[str, _Waiting] = {}
        self._left_out = 0
        self._since = 0.0
        self._sent: deque[float] = deque(maxlen=MESSAGES_MAX)

    def add(self, subject: str, text: str, now: float, *, is_urgent: bool = False) -> None:
        """Let one more notice wait; the redactor works where it goes out, and not while a desk waits."""
        key = subject[: REDACTED_MAX * SUBJECT_LENGTH_MAX]
        held = self._waiting.get(key)
        if held is None and len(self._waiting) >= SUBJECTS_MAX:
            other = next((key for key, each in self._waiting.items() if not each.is_urgent), None)
            if not is_urgent or other is None:
                self._left_out += 1
                return
            self._left_out += self._waiting.pop(other).times
        if not self._waiting:
            self._since = now
        times = 1 if held is None else held.times + 1
        is_urgent = is_urgent or (held is not None and held.is_urgent)
        texts = (text[: REDACTED_MAX * TEXT_LENGTH_MAX],)
        if is_urgent and held is not None:
            # No later words, which an assistant may have chosen, stand in the place of why trading stopped.
            texts = (*held.texts, *(texts if len(held.texts) < TEXTS_MAX else ()))
        self._waiting[key] = _Waiting(texts, times, is_urgent)

    def due_in(self, now: float) -> float | None:
        """Return in how many seconds the next message may go, or None where nothing waits."""
        if not self._waiting:
            return None
        due = self._since + LINGER
        if len(self._sent) == MESSAGES_MAX:
            free = self._sent[0] + WINDOW
            # A flood, which an assistant can make of proposals, must not keep back that trading has stopped.
            is_urgent = any(each.is_urgent for each in self._waiting.values())
            due = max(due, min(free, self._sent[-1] + URGENT_EVERY) if is_urgent else free)
        return max(0.0, due - now)

    def take(self, now: float) -> Message:
        """Return everything that waits as one message; nothing waits after that."""
        rows = [
            (redacted(subject, SUBJECT_LENGTH_MAX), _told(each))
            for subject, each in sorted(self._waiting.items(), key=lambda item: not item[1].is_urgent)
        ]
        others = len(rows) - 1 + self._left_out
        first, alone = rows[0]
        lines = [f"{subject}: {text}" for subject, text in rows] if others else [alone]
        if self._left_out:
            lines.append(f"{self._left_out} more: trading-mcp status.")
        self._sent.append(now)
        self._waiting, self._left_out = {}, 0
        return Message(f"{first}, and {others} more" if others else first, "\n".join(lines))


def _told(waiting: _Waiting) -> str:
    # Each by itself: what one of them calls a secret is not looked for in the next.
    texts = " ".join(redacted(text, TEXT_LENGTH_MAX) for text in waiting.texts)
    more = waiting.times - len(waiting.texts)
    return f"{texts} And {more} more." if more else texts
