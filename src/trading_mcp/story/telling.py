"""From a diary to a page."""

from decimal import Decimal

from trading_mcp.place import typed
from trading_mcp.story.diary import AlgorithmDay, Diary
from trading_mcp.story.page import Page, bar, sparkline


def told(diary: Diary, *, has_colour: bool) -> str:
    """The whole story."""
    page = Page(has_colour=has_colour)
    page.blank()
    page.heading("trading-mcp: a day at the desk", f"{diary.mode} · seed {diary.seed}")
    page.rule()
    page.paragraph(
        f"{diary.day}, times in UTC. The prices are made up. The gate, the book, the matching engine and the "
        "journal are the ones every later mode will use."
    )
    for scene in diary.scenes:
        page.blank()
        page.title(scene.time, scene.title)
        for line in scene.lines:
            page.line(line)
    page.blank()
    _algorithm(page, diary.algorithm)
    page.blank()
    _ending(page, diary)
    page.blank()
    page.rule()
    _next(page, diary)
    return page.text()


def _algorithm(page: Page, algorithm: AlgorithmDay) -> None:
    page.title("", f"What {algorithm.name} did meanwhile, unattended")
    page.row(
        f"{algorithm.entries} entries, {algorithm.exits} exits, {algorithm.stopped} stopped out, "
        f"{algorithm.refused} refused; {algorithm.result}"
    )
    page.row(sparkline([Decimal(value) for value in algorithm.worth]))
    page.row(f"{'00:00':<{len(algorithm.worth) - 5}}24:00")


def _ending(page: Page, diary: Diary) -> None:
    page.title("23:59", "The day in figures")
    page.row(f"{'equity':<14}{diary.opened_with} → {diary.closed_with}  ({diary.result})")
    page.row(f"{'of that':<14}{diary.of_trading} from trading, {diary.of_tether} from the price of the tether")
    page.row(f"{'fills':<14}{diary.fills}, fees {diary.fees}")
    page.blank()
    page.title("", "The most that was used of each limit")
    for limit in diary.limits:
        page.row(f"{limit.limit:<26}{bar(limit.share, 16)}  {limit.used} of {limit.allowed}")
    page.blank()
    page.title("", "What each guardrail said, and how often")
    for code, count in diary.said.items():
        page.row(f"{code:<32}{count:>5}")
    page.blank()
    journal = diary.journal
    page.title("", "The journal")
    page.row(f"{'head':<14}entry {journal.entries:,}, {journal.head[:32]}…")
    page.row(f"{'verified':<14}{'every entry follows from the one before' if journal.verified else 'NO'}")
    page.row(f"{'replayed':<14}{'folded from nothing, it gives the same book' if journal.replayed else 'NO'}")


def _next(page: Page, diary: Diary) -> None:
    page.paragraph("This was the part that decides and the part that remembers, on prices from a seed.")
    if diary.journal.path:
        page.paragraph("The journal lies in this file:")
        page.verbatim(diary.journal.path)
    else:
        page.paragraph("The journal was temporary and is gone; --home FOLDER keeps one, --seed N plays another day.")
    page.paragraph("Now your own desk, on the same made-up prices, for as long as you like:")
    page.verbatim(f"  {typed('desk')}")
    page.paragraph("and in another terminal:")
    page.verbatim(f"  {typed('trade buy BTC-USDT --notional 100')}")
    page.paragraph("An assistant that asks for all this itself is connected by:")
    page.verbatim(f"  {typed('setup --client claude-code')}")
