"""Homes: made once with their mode, money and limits, opened whole or refused in a sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec

from trading_mcp import __version__
from trading_mcp.adapters.brokers.paper.venue import PaperVenue
from trading_mcp.adapters.config.policies import policy_text
from trading_mcp.adapters.config.settings import Settings, load, template
from trading_mcp.adapters.journal.anchor import AnchorFile
from trading_mcp.adapters.journal.checkpoint import Checkpointer
from trading_mcp.adapters.journal.deskkey import load_key, make_key
from trading_mcp.adapters.journal.files import make_folder
from trading_mcp.adapters.journal.snapshot import Snapshots
from trading_mcp.adapters.journal.sqlite import SqliteJournal
from trading_mcp.adapters.journal.verify import Trust
from trading_mcp.adapters.system.clock import SystemClock
from trading_mcp.adapters.system.home import HomeFolder, keep_private, mode_of, open_home, prepare, settle
from trading_mcp.adapters.system.lock import Lock, hold_home
from trading_mcp.bootstrap.beginnings import beginning, has_begun_only
from trading_mcp.core.domain.book import FOLD_VERSION, Book
from trading_mcp.core.domain.events import DeskStopped
from trading_mcp.core.domain.evolve import evolve, replay
from trading_mcp.core.domain.home import Home, Mode
from trading_mcp.core.domain.money import AmountInvalid, amount, exactly
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.verdict import Code
from trading_mcp.core.guardrails.schema import BACKTEST_ONLY, parse_text
from trading_mcp.core.simulation.listing import VENUE
from trading_mcp.core.snapshot import UnknownSnapshot, freeze, thaw
from trading_mcp.desk.queries import Since, unwatched
from trading_mcp.errors import HomeUnusable, PolicyInvalid, UsageInvalid
from trading_mcp.place import DEFAULT_HOME, Place, homes_folder

CASH: Final = {"USDT": Decimal(50_000), "USD": Decimal(50_000)}
CURRENCIES: Final = ("USDT", "USDC", "USD")
GAP_MIN: Final = 60_000_000


class Opened(msgspec.Struct, kw_only=True):
    """A home that this process holds, with its journal and the book that is its fold."""

    folder: HomeFolder
    lock: Lock
    settings: Settings
    journal: SqliteJournal
    checkpointer: Checkpointer
    trust: Trust
    snapshots: Snapshots
    book: Book
    since: Since
    trouble: str

    def close(self) -> None:
        """Let go of journal and home."""
        self.journal.close()
        self.lock.release()


def require_simulated(mode: Mode) -> None:
    """Refuse what this version cannot do, before anything is made."""
    if mode is Mode.PAPER:
        raise UsageInvalid(
            "A PAPER home trades at real prices, and this version is connected to no market yet.",
            "Make a SIMULATED home; PAPER comes with the first venue.",
        )
    if mode is not Mode.SIMULATED:
        raise UsageInvalid(
            f"This version makes no {mode} home: it knows no real venue and reaches none.",
            "Make a SIMULATED home.",
        )


def cash_of(words: Mapping[str, str]) -> dict[str, Decimal]:
    """Return the money a home begins with, from plain amounts of known currencies."""
    try:
        cash = {currency: amount(text) for currency, text in words.items()}
    except AmountInvalid as problem:
        raise UsageInvalid(f"The cash: {problem}.", "Write --cash USDT=50000.") from None
    if not set(cash) <= set(CURRENCIES) or not any(cash.values()):
        raise UsageInvalid("That is no cash to begin with.", f"Use {', '.join(CURRENCIES)}: --cash USDT=50000.")
    return {currency: value for currency, value in cash.items() if value} or dict(CASH)


def first_policy(text: str) -> Policy:
    """Read the limits a home begins with; those of a backtest are none for a desk."""
    policy = parse_text(text)
    _require_limits(policy)
    return policy


def _require_limits(policy: Policy) -> None:
    if policy.name == BACKTEST_ONLY:
        raise PolicyInvalid(
            f"{BACKTEST_ONLY} is for backtests only: it has hardly a limit.",
            "Make a home with the shipped policy of its mode: trading-mcp home new.",
        )


def make_home(place: Place, mode: str = "SIMULATED", cash: Mapping[str, Decimal] = CASH, policy: str = "") -> Home:
    """Make a home, whole or not at all; what a crash left unfinished is finished."""
    require_simulated(mode_of(mode))
    shipped = first_policy(policy_text(mode.lower()))
    wanted = first_policy(policy) if policy else shipped
    keep_private()
    folder = prepare(place, Mode(mode), template())
    lock = hold_home(folder.path)
    try:
        now = SystemClock().now()
        home = Home(
            name=place.name,
            mode=Mode(mode),
            cash={f"{VENUE}/{currency}": value for currency, value in cash.items()},
            venues=(VENUE,),
            version=__version__,
        )
        signer = make_key(folder.path)
        anchor = _anchor(folder, load(folder.settings, {}))
        if anchor.path.exists():
            # Of a home that stood here before and was removed; it stays for whoever asks about that one.
            anchor.path.rename(anchor.path.with_name(f"{anchor.path.name}.{now}.old"))
        checkpointer = Checkpointer(signer, anchor=anchor)
        events = beginning(home, shipped, wanted, now)
        SqliteJournal.create(folder.journal, now, events, checkpointer=checkpointer).close()
        _make_venue(folder, home, now)
        settle(folder, home)
    finally:
        lock.release()
    return home


def open_or_make(place: Place, environ: Mapping[str, str] = os.environ) -> Opened:
    """Open a home; the default one, or one that only a path names, is made at its first start."""
    keep_private()
    is_there = os.path.lexists(Path(place.path) / "journal.db")
    if not is_there and (place.is_by_path or place.name == DEFAULT_HOME):
        make_home(place)
    return open_whole(place, environ)


def open_whole(place: Place, environ: Mapping[str, str] = os.environ) -> Opened:
    """Hold a home, verify its journal and fold its book."""
    folder = open_home(place)
    lock = hold_home(folder.path)
    try:
        settings = load(folder.settings, environ)
        return _opened(folder, lock, settings)
    except BaseException:
        lock.release()
        raise


def _opened(folder: HomeFolder, lock: Lock, settings: Settings) -> Opened:
    signer, anchor = load_key(folder.path), _anchor(folder, settings)
    # Homes of fake venues, which sign under a domain of their own, come with the first real venue.
    trust = Trust(key=signer.public)
    checkpointer = Checkpointer(signer, anchor=anchor)
    journal = SqliteJournal.open(folder.journal, checkpointer=checkpointer)
    try:
        now = SystemClock().now()
        verdict = journal.anchored(anchor, trust, now)
        trouble = "" if verdict.is_sound else verdict.sentence
        snapshots = Snapshots(folder.path / "snapshots")
        book, broken = folded(journal, snapshots, trust)
        settle(folder, book.home)
        require_simulated(book.home.mode)
        _require_limits(book.policy)
        if not folder.venue.exists() and has_begun_only(journal):
            _make_venue(folder, book.home, now)  # a crash came between the two
        return Opened(
            folder=folder,
            lock=lock,
            settings=settings,
            journal=journal,
            checkpointer=checkpointer,
            trust=trust,
            snapshots=snapshots,
            book=book,
            since=_since(journal, book, now),
            trouble=broken or trouble or _unanswered(book),
        )
    except BaseException:
        journal.close()
        raise


def folded(journal: SqliteJournal, snapshots: Snapshots, trust: Trust) -> tuple[Book, str]:
    """Return the fold of the journal, from the last snapshot that is vouched for, and what is wrong with it."""
    resumed = journal.resume(snapshots, FOLD_VERSION, trust)
    with exactly():
        if resumed is not None:
            try:
                book = thaw(resumed.book)
            except UnknownSnapshot:
                pass
            else:
                for entry in journal.entries(resumed.start.seq):
                    book = evolve(book, entry.event)
                broken = resumed.report.broken
                return book, "" if broken is None else f"Entry {broken.seq} {broken.reason}."
        report = journal.verify(trust)
        book = replay(entry.event for entry in journal.entries())
    return book, "" if report.broken is None else f"Entry {report.broken.seq} {report.broken.reason}."


def _unanswered(book: Book) -> str:
    """Return what an earlier start found and no person has answered for: that desk went on, and signed over it."""
    found = (latch.reason for latch in book.latches.values() if latch.code is Code.JOURNAL_UNSOUND)
    return next(found, "")


def keep_snapshot(opened: Opened, book: Book) -> None:
    """Keep the book for the next start, which is then spared the whole replay."""
    seq = opened.journal.head().seq
    make_folder(opened.snapshots.folder)
    opened.journal.snapshot(opened.snapshots, SystemClock().now(), FOLD_VERSION, seq, freeze(book))


def _since(journal: SqliteJournal, book: Book, now: int) -> Since:
    """Return how long nobody watched, and whether the last desk stopped in good order."""
    last = tuple(journal.entries(max(0, journal.head().seq - 2)))
    started = not has_begun_only(journal)
    down = now - last[-1].at if started and last else 0
    return Since(
        started_at=now,
        down_for=down if down >= GAP_MIN else 0,
        was_clean=not started or any(isinstance(entry.event, DeskStopped) for entry in last),
        exits_unwatched=unwatched(book) if started else 0,
    )


def _make_venue(folder: HomeFolder, home: Home, at: int) -> None:
    cash = {key.partition("/")[2]: value for key, value in home.cash.items()}
    PaperVenue.create(folder.venue, cash=cash, at=at, mode=home.mode)


def _anchor(folder: HomeFolder, settings: Settings) -> AnchorFile:
    """Outside the home, so that whoever puts an old copy of the home back does not put back this as well."""
    digest = sha256(os.fsencode(folder.path)).hexdigest()[:16]
    if settings.anchor:
        return AnchorFile(Path(settings.anchor))
    anchors = state_folder() / "anchors"
    try:
        make_folder(anchors)
    except OSError as error:
        raise HomeUnusable(
            f"The folder {anchors} cannot be made: {error.strerror}.", "Let the desk's user write there."
        ) from error
    return AnchorFile(anchors / f"{folder.place.name}-{digest}.anchor")


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Return where this platform keeps what programs remember of a user."""
    data = Path(homes_folder()).parent
    named = environ.get("XDG_STATE_HOME", "")
    if Path(named).is_absolute():
        return Path(named) / "trading-mcp"
    local = data.parent.parent / "state"
    return local / "trading-mcp" if data.parent.name == "share" else data / "state"


def approver_folder() -> Path:
    """Return where the user's approver is pinned: outside every home, one for all of them."""
    return Path(homes_folder()).parent / "approver"
