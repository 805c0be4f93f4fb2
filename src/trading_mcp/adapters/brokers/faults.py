"""The fault menu: everything a venue is known to do wrong, by name, and which requests it may happen to."""

from enum import StrEnum
from typing import Final

import msgspec

from trading_mcp.core.domain.market import MINUTE, SECOND


class Call(StrEnum):
    """A request that a venue is sent."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    ORDER = "order"
    OPEN_ORDERS = "open_orders"
    FILLS = "fills"
    BALANCES = "balances"
    TRANSFERS = "transfers"
    INSTRUMENTS = "instruments"


class Fault(StrEnum):
    """What goes wrong; whatever says "after" was carried out, and only its answer is lost."""

    TIMEOUT_BEFORE = "timeout before accept"
    TIMEOUT_AFTER = "timeout after accept"
    BAD_GATEWAY = "502 after accept"
    UNAVAILABLE = "503 after accept"
    GATEWAY_TIMEOUT = "504 after accept"
    ERROR_IN_200 = "HTTP 200 with an error code, after accept"
    RATE_LIMITED = "429"
    RATE_LIMITED_UNTIL = "429 with Retry-After"
    HANG = "an answer that takes a minute"
    DUPLICATE = "duplicate refusal after accept"
    REPLAY = "a duplicate that is answered with the existing order"
    REJECTED_LATER = "ack, then asynchronous reject"
    NOT_FOUND = "not found for a while after accept"
    LOST_AND_HIDDEN = "timeout after accept, and not found for a while"
    FILLS_LATE = "fills late"
    FILLS_DOUBLED = "fills doubled"
    FILLS_UNORDERED = "fills out of order"
    FILLS_PARTIAL = "a part of the fills"
    FILLS_AFTER_CANCEL = "fills after cancel"
    CANCEL_RACE = "a cancel that is overtaken by fills"
    GAP = "a gap in the stream"
    STALL = "a stream that stands still without a word"
    SKEW = "a clock that is wrong"
    NOT_A_NUMBER = "NaN in an answer"
    ABSENT = "absent fields in an answer"
    MAINTENANCE = "maintenance"
    KEY_REVOKED = "revoked key"
    BALANCE_LAG = "balances that lag"


class Entry(msgspec.Struct, frozen=True):
    """One line of the menu: the requests it may happen to, and for how long it lasts unless told."""

    calls: frozenset[Call]
    lasts: int = 0


_ANY: Final = frozenset(Call)
_SUBMIT: Final = frozenset({Call.SUBMIT})
_CANCEL: Final = frozenset({Call.CANCEL})
_FILLS: Final = frozenset({Call.FILLS})
_AMOUNTS: Final = frozenset({Call.ORDER, Call.OPEN_ORDERS, Call.FILLS, Call.BALANCES})

MENU: Final[dict[Fault, Entry]] = {
    Fault.TIMEOUT_BEFORE: Entry(_ANY),
    Fault.TIMEOUT_AFTER: Entry(_ANY),
    Fault.BAD_GATEWAY: Entry(_ANY),
    Fault.UNAVAILABLE: Entry(_ANY),
    Fault.GATEWAY_TIMEOUT: Entry(_ANY),
    Fault.ERROR_IN_200: Entry(_ANY),
    Fault.RATE_LIMITED: Entry(_ANY),
    Fault.RATE_LIMITED_UNTIL: Entry(_ANY, 5 * SECOND),
    Fault.HANG: Entry(_ANY, MINUTE),
    Fault.DUPLICATE: Entry(_SUBMIT),
    Fault.REPLAY: Entry(_SUBMIT),
    Fault.REJECTED_LATER: Entry(_SUBMIT, 2 * SECOND),
    Fault.NOT_FOUND: Entry(_SUBMIT, 10 * SECOND),
    Fault.LOST_AND_HIDDEN: Entry(_SUBMIT, 10 * SECOND),
    Fault.FILLS_LATE: Entry(_FILLS, 12 * SECOND),
    Fault.FILLS_DOUBLED: Entry(_FILLS),
    Fault.FILLS_UNORDERED: Entry(_FILLS),
    Fault.FILLS_PARTIAL: Entry(_FILLS),
    Fault.FILLS_AFTER_CANCEL: Entry(_CANCEL, 5 * SECOND),
    Fault.CANCEL_RACE: Entry(_CANCEL, 3 * SECOND),
    Fault.GAP: Entry(_FILLS, 30 * SECOND),
    Fault.STALL: Entry(_FILLS | {Call.OPEN_ORDERS}, 30 * SECOND),
    Fault.SKEW: Entry(_ANY, 90 * SECOND),
    Fault.NOT_A_NUMBER: Entry(_AMOUNTS),
    Fault.ABSENT: Entry(_AMOUNTS),
    Fault.MAINTENANCE: Entry(_ANY, MINUTE),
    Fault.KEY_REVOKED: Entry(_ANY, 10 * MINUTE),
    Fault.BALANCE_LAG: Entry(frozenset({Call.BALANCES}), 20 * SECOND),
}
# Faults that, once begun, hold for every request until they are over.
EPISODES: Final = frozenset({Fault.STALL, Fault.SKEW, Fault.MAINTENANCE, Fault.KEY_REVOKED, Fault.BALANCE_LAG})


class Scripted(msgspec.Struct, frozen=True, kw_only=True):
    """A fault that will happen to the next request it fits, or to the next of one kind."""

    fault: Fault
    lasts: int
    call: Call | None = None

    def fits(self, call: Call) -> bool:
        return call in MENU[self.fault].calls and self.call in (None, call)
