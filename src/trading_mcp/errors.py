"""The world failing, as exceptions: each says what happened and what a person can do next.

A refusal is a value and a failed assertion is our own mistake; only these are raised on purpose.

    TradingMcpError
    ├── PolicyInvalid        a policy file that cannot be believed
    ├── SettingsInvalid      a setting that cannot be believed
    ├── HomeUnusable         a home that is missing, unsafe to use or already in use
    ├── DeskFrozen           the desk met something it cannot explain
    └── JournalError         the journal, and with it the state
        ├── JournalDamaged       an entry does not follow from the one before it
        ├── JournalForeign       a sound file, but not a journal of this home
        ├── JournalNewer         written by a version later than this one
        └── JournalUnwritable    nothing more can be recorded, so nothing more may be done
"""


class TradingMcpError(Exception):
    """A failure with a way out: `message` says what happened, `next_step` what to do about it."""

    def __init__(self, message: str, next_step: str) -> None:
        # Both go to Exception, so that an error survives pickling on its way out of a worker process.
        super().__init__(message, next_step)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message} {self.next_step}"


class PolicyInvalid(TradingMcpError):
    """A policy file has an unknown key, a missing one, or a value that is no limit."""


class SettingsInvalid(TradingMcpError):
    """A setting is unknown or is not spelled exactly as it must be."""


class HomeUnusable(TradingMcpError):
    """A home is missing, readable by others, or held by another desk."""


class DeskFrozen(TradingMcpError):
    """An assertion failed or the unexplained happened; nothing but cancels works until a person signs."""


class JournalError(TradingMcpError):
    """The journal cannot be used; what is wrong with it is the subclass."""


class JournalDamaged(JournalError):
    """An entry does not follow from the one before it, or the file is not readable as a journal."""


class JournalForeign(JournalError):
    """The file is sound and is not a journal of this home."""


class JournalNewer(JournalError):
    """The journal was written by a later version, whose events this one cannot read."""


class JournalUnwritable(JournalError):
    """An entry could not be made durable, so its effect must not happen."""
