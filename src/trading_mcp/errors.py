"""The world failing, as exceptions: each says what happened and what a person can do next.

A refusal is a value and a failed assertion is our own mistake; only these are raised on purpose.

    TradingMcpError
    ├── UsageInvalid         a name, a mode or a path that cannot be what was meant
    ├── PolicyInvalid        a policy file that cannot be believed
    ├── SettingsInvalid      a setting that cannot be believed
    ├── HomeUnusable         a home that cannot be used
    │   ├── HomeUnknown          there is none of that name, or it was never finished
    │   ├── HomeUnsafe           others can open it, it is not ours, or it is not what it says
    │   └── HomeHeld             another desk holds it, or the venue account it trades on
    ├── DeskUnreachable      a desk that does not answer
    │   ├── DeskMissing          none is running
    │   ├── DeskForeign          what stands at its socket is not this user's desk
    │   ├── DeskFailed           it was started and ended again
    │   └── DeskOther            it is of another version
    ├── LinkBroken           what came over the socket is not what was agreed
    ├── LinkRefused          the desk would not talk to this client, and said why
    ├── DoorUnusable         a door that was asked for and cannot be opened
    ├── VenueUnusable        a simulated venue whose own records are missing, in use or not readable
    ├── ApproverError        the key with which a person signs
    │   ├── ApproverMissing      nobody has enrolled
    │   ├── ApproverUnusable     a key or a folder that is damaged, foreign or open to others
    │   ├── PassphraseRefused    a passphrase that is wrong, too short, or tried too often
    │   └── TerminalMissing      nobody can type a passphrase here
    ├── DeskFrozen           the desk met something it cannot explain
    └── JournalError         the journal, and with it the state
        ├── JournalDamaged       an entry does not follow from the one before it
        ├── JournalForeign       a sound file, but not a journal of this home
        ├── JournalNewer         written by a version later than this one
        └── JournalUnwritable    nothing more can be recorded, so nothing more may be done
"""

from __future__ import annotations

import enum


class Exit(enum.IntEnum):
    """How a command ends, for the shell that started it."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NO_DESK = 3
    DENIED = 4
    """Denied by the gate, or declined by a person."""
    AWAITING = 5
    """Waits for a person's approval."""
    REJECTED = 6
    """Rejected by the venue."""
    UNKNOWN = 7
    """Sent, and nobody knows yet what became of it."""
    UNSOUND = 8
    """The journal, the clock or permissions cannot be trusted."""


class TradingMcpError(Exception):
    """A failure with a way out: `message` says what happened, `next_step` what to do about it."""

    exit_code: Exit = Exit.FAILED

    def __init__(self, message: str, next_step: str) -> None:
        # Both go to Exception, so that an error survives pickling on its way out of a worker process.
        super().__init__(message, next_step)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}"


class UsageInvalid(TradingMcpError):
    """A name, a mode or a path cannot be what was meant."""

    exit_code = Exit.USAGE


class PolicyInvalid(TradingMcpError):
    """A policy file has an unknown key, a missing one, or a value that is no limit."""

    exit_code = Exit.USAGE


class SettingsInvalid(TradingMcpError):
    """A setting is unknown or is not spelled exactly as it must be."""

    exit_code = Exit.USAGE


class HomeUnusable(TradingMcpError):
    """A home cannot be used; what is wrong with it is the subclass, where there is one."""


class HomeUnknown(HomeUnusable):
    """There is no home of that name or at that path, or it was never finished."""

    exit_code = Exit.USAGE


class HomeUnsafe(HomeUnusable):
    """Others can open the home, it belongs to somebody else, or its parts do not agree."""

    exit_code = Exit.UNSOUND


class HomeHeld(HomeUnusable):
    """Another desk holds the home, or the venue account it would trade on."""


class DeskUnreachable(TradingMcpError):
    """A desk does not answer; why is the subclass, where it is known."""

    exit_code = Exit.NO_DESK


class DeskMissing(DeskUnreachable):
    """No desk is running for the home."""


class DeskForeign(DeskUnreachable):
    """What stands where the desk's socket should be does not belong to this user's desk."""

    exit_code = Exit.UNSOUND


class DeskFailed(DeskUnreachable):
    """A desk was started and ended before it could be reached."""


class DeskOther(DeskUnreachable):
    """The desk that runs is of another version, which is `version`."""

    def __init__(self, message: str, next_step: str, version: str = "") -> None:
        super().__init__(message, next_step)
        self.version = version


class LinkBroken(TradingMcpError):
    """What came over the socket is not what was agreed; the connection ends."""


class LinkRefused(TradingMcpError):
    """The desk would not talk to this client, and said why."""


class DoorUnusable(TradingMcpError):
    """A door that was asked for cannot be opened: its port is taken, nobody could come in, or it may not be."""


class DeskFrozen(TradingMcpError):
    """An assertion failed or the unexplained happened; nothing but cancels works until a person signs."""

    exit_code = Exit.UNSOUND


class ApproverError(TradingMcpError):
    """Nothing can be signed; why is the subclass."""


class ApproverMissing(ApproverError):
    """Nobody has enrolled, so there is no key to sign with."""


class ApproverUnusable(ApproverError):
    """The approver's files are damaged, are not ours, or can be opened by others."""

    exit_code = Exit.UNSOUND


class PassphraseRefused(ApproverError):
    """A passphrase is wrong, is too short, or has been tried too often."""


class TerminalMissing(ApproverError):
    """There is no terminal at which a person could type."""


class VenueUnusable(TradingMcpError):
    """A simulated venue's own records are missing, held by another desk, or nothing this version can read."""


class JournalError(TradingMcpError):
    """The journal cannot be used; what is wrong with it is the subclass."""

    exit_code = Exit.UNSOUND


class JournalDamaged(JournalError):
    """An entry does not follow from the one before it, or the file is not readable as a journal."""


class JournalForeign(JournalError):
    """The file is sound and is not a journal of this home."""


class JournalNewer(JournalError):
    """The journal was written by a later version, whose events this one cannot read."""


class JournalUnwritable(JournalError):
    """An entry could not be made durable, so its effect must not happen."""
