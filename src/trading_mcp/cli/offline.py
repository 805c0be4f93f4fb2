"""What can be learnt of a home while no desk runs in it: the journal is verified under the home's own lock."""

from __future__ import annotations

import asyncio

import msgspec

from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.bootstrap.homes import approver_folder, open_whole
from trading_mcp.bootstrap.services import DeskServices
from trading_mcp.desk.setups import SetupAnswer, setup_of
from trading_mcp.errors import Exit, JournalDamaged
from trading_mcp.place import Place


def setup(place: Place) -> SetupAnswer:
    """Return what a home without a desk can hand to another; one that cannot be believed hands out nothing."""
    opened = open_whole(place)
    try:
        if opened.trouble:
            raise JournalDamaged(opened.trouble, "Look at it first: trading-mcp audit verify.")
        return setup_of(opened.book)
    finally:
        opened.close()


def verified(place: Place) -> dict[str, object]:
    """Return the answer a desk would give to `audit verify`."""
    opened = open_whole(place)
    try:
        services = DeskServices(opened, Keystore(approver_folder(), SystemClock()))
        found = asyncio.run(services.verified())
        home, head = opened.book.home, opened.journal.head().seq
        return {
            "ok": True,
            "exit": int(Exit.DONE if found.is_sound else Exit.UNSOUND),
            "home": home.name,
            "mode": home.mode.value,
            "trading_state": opened.book.account_state.name,
            "as_of": SystemClock().now(),
            "journal_seq": head,
            "last_at": opened.book.at,
            "answer": msgspec.to_builtins(found),
        }
    finally:
        opened.close()
