"""Which fault comes next: what was scripted, else what seeded dice say; and which ones are still going on."""

from collections import deque
from collections.abc import Mapping
from random import Random
from typing import Final

from trading_mcp.adapters.brokers.faults import EPISODES, MENU, Call, Fault, Scripted
from trading_mcp.core.ports import Clock

HISTORY: Final = 10_000


class Weather:
    """The same seed, script and requests give the same faults."""

    def __init__(self, clock: Clock, seed: int, rates: Mapping[Fault, float]) -> None:
        self.history: deque[tuple[int, Call, Fault]] = deque(maxlen=HISTORY)
        self._clock = clock
        self._rates = {fault: rate for fault in MENU if (rate := rates.get(fault))}
        self._dice = Random(seed)  # noqa: S311 - a run that failed is repeated by its seed; nothing here is a key
        self._script: list[Scripted] = []
        self._since: dict[Fault, int] = {}
        self._until: dict[Fault, int] = {}

    def script(self, fault: Fault, call: Call | None, lasts: int | None) -> None:
        """Let a fault happen to the next request it fits; earlier ones come first."""
        scripted = Scripted(fault=fault, call=call, lasts=MENU[fault].lasts if lasts is None else lasts)
        if call is not None and not scripted.fits(call):
            raise ValueError(f"{fault!r} does not happen to {call.value}")
        self._script.append(scripted)

    def pick(self, call: Call) -> Scripted | None:
        """What happens to this request."""
        picked = next((each for each in self._script if each.fits(call)), None)
        if picked is not None:
            self._script.remove(picked)
        else:
            picked = self._roll(call)
        if picked is not None:
            now = self._clock.now()
            self.history.append((now, call, picked.fault))
            if picked.fault in EPISODES:
                self._since[picked.fault], self._until[picked.fault] = now, now + picked.lasts
        return picked

    def holds(self, fault: Fault) -> bool:
        """Whether an episode is going on."""
        return self._clock.now() < self._until.get(fault, 0)

    def began(self, fault: Fault) -> int:
        return self._since[fault]

    def calm(self) -> None:
        """No more faults: none scripted, none rolled, none going on."""
        self._script.clear()
        self._rates.clear()
        self._until.clear()

    def _roll(self, call: Call) -> Scripted | None:
        for fault, rate in self._rates.items():
            entry = MENU[fault]
            if call in entry.calls and self._dice.random() < rate:
                return Scripted(fault=fault, lasts=entry.lasts)
        return None
