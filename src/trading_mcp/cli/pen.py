"""A person signs: the facts are shown, the passphrase is typed at this terminal, and one signature leaves it."""

from __future__ import annotations

import sys

import msgspec

from trading_mcp.adapters.approvals.approver import Approver
from trading_mcp.adapters.approvals.keystore import Keystore
from trading_mcp.adapters.approvals.passphrase import Terminal
from trading_mcp.adapters.approvals.signing import FAKE, REAL, sign, statement_bytes
from trading_mcp.adapters.approvals.words import generated, spelled
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.bootstrap.homes import approver_folder
from trading_mcp.cli.parsing import wrapped
from trading_mcp.core.domain.proposals import Statement
from trading_mcp.desk.answers import ScreenAnswer
from trading_mcp.errors import LinkBroken, PassphraseRefused
from trading_mcp.place import shown


def keystore() -> Keystore:
    """Return the keystore of this user."""
    return Keystore(approver_folder(), SystemClock())


def signed(screen: ScreenAnswer, subject: str) -> str | None:
    """Show what would be signed and ask for the passphrase; None if the person leaves it."""
    # Beside --json too: what a person signs, a person has to see.
    for line in screen.lines:
        print(shown(line), file=sys.stderr)
    statement = statement_of(screen.statement, subject)
    typed = Terminal().passphrase("\nPassphrase to sign this, or nothing to leave it: ")
    if not typed:
        return None
    return sign(statement, keystore().unlock(typed)).hex()


def statement_of(text: str, subject: str) -> Statement:
    """Read what the desk wants signed; it is signed only if it is about what was asked for."""
    try:
        domain, _, content = text.partition("\n")
        statement = msgspec.json.decode(content.encode(), type=Statement)
        is_ours = f"{domain}\n".encode() in (REAL, FAKE) and statement_bytes(statement) == text.encode()
    except (msgspec.MsgspecError, UnicodeEncodeError, ArithmeticError):
        is_ours, statement = False, None
    if not is_ours or statement is None or statement.proposal_id != subject:
        raise LinkBroken("The desk asks for a signature under something else.", "Look at it: trading-mcp doctor.")
    return statement


def enrolled(because: str = "") -> Approver:
    """Make the user's key with a passphrase that is typed here."""
    terminal, store = Terminal(), keystore()
    if because:
        terminal.tell(wrapped(because))
    terminal.tell(
        "Your key signs what loosens a limit, releases a halt or places a large order.\n"
        "It is sealed under a passphrase that only you know and that nobody can reset."
    )
    chosen = terminal.passphrase("Passphrase (at least 12 characters; return draws four words for you): ")
    if not chosen:
        chosen = generated()
        terminal.tell(f"\n    {chosen}\n\nWrite these words down: they are shown this once.")
    _require_same(terminal, chosen)
    return store.enroll(chosen)


def replaced() -> Approver:
    """Put another key in the place of this one, which signs for it."""
    terminal, store = Terminal(), keystore()
    old = terminal.passphrase("Passphrase of the key you have: ")
    new = terminal.passphrase("Passphrase of the new key (return draws four words for you): ")
    if not new:
        new = generated()
        terminal.tell(f"\n    {new}\n\nWrite these words down: they are shown this once.")
    _require_same(terminal, new)
    return store.replace(old, new)


def _require_same(terminal: Terminal, chosen: str) -> None:
    again = terminal.passphrase("Type it again: ")
    if spelled(again) != spelled(chosen):
        raise PassphraseRefused("The two are not the same.", "Nothing was changed; begin again.")
