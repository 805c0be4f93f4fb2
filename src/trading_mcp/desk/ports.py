"""What a desk is given when it opens; it makes none of this itself."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trading_mcp.core.domain.events import AnyEvent
from trading_mcp.core.domain.market import SECOND
from trading_mcp.core.ports import Broker, Clock, Feed, Journal, Notifier, Verifier


@dataclass(frozen=True, kw_only=True)
class Cadence:
    """How often the desk looks, and how long it waits; tests divide these, people never set them."""

    tick: float = 1.0
    mark: int = 60 * SECOND
    open_orders: int = 10 * SECOND
    reconcile: int = 60 * SECOND
    retry: int = 5 * SECOND
    confirm: int = 60 * SECOND
    confirm_opening: int = 30 * SECOND
    request: float = 10.0
    answer: float = 5.0
    escalate: int = 10 * SECOND
    ladder: tuple[float, ...] = (1.0, 2.0, 5.0, 10.0, 30.0)
    absent_times: int = 3
    absent_span: int = 60 * SECOND


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How many requests a venue takes: at once, and in a second after that; `kept` is for exits and cancels alone."""

    a_second: float = 50.0
    at_once: int = 100
    kept: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a person signed, byte for byte, and the signature; neither is believed before it is verified."""

    statement: bytes
    signature: bytes


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The outside world in the words of the domain."""

    journal: Journal
    clock: Clock
    feed: Feed
    brokers: Mapping[str, Broker]
    verifier: Verifier
    notifier: Notifier
    is_halted_by_file: Callable[[], bool]
    raise_halt_file: Callable[[], object]
    views: Callable[[tuple[AnyEvent, ...]], None] = lambda _: None
    reach: Callable[[str], None] = lambda _: None
    # What the owner was told of before this start and still holds, so that nothing is told twice.
    told_before: frozenset[str] = frozenset()
    remember_told: Callable[[frozenset[str]], None] = lambda _: None
    is_live_enabled: bool = False
    paces: Mapping[str, Pace] = field(default_factory=dict[str, Pace])
    cadence: Cadence = field(default_factory=Cadence)
