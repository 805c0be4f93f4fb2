"""The keys of a market's table: what may be traded, in which size, and at which prices."""

import msgspec

from trading_mcp.core.domain.market import Market
from trading_mcp.core.guardrails.key import MARKET, Direction, Key, Kind

_WHAT = (
    Key(
        path="assets_approved",
        kind=Kind.ASSETS,
        direction=Direction.SUBSET,
        doc="Assets the desk may enter, each under its oldest name (MATIC, not POL); exits need no approval.",
        why="Ten large coins and ten large listings have the depth that the other limits assume; with real "
        "money stocks begin with none.",
    ),
    Key(
        path="quotes_approved",
        kind=Kind.CURRENCIES,
        direction=Direction.SUBSET,
        doc="Currencies a pair may be paid in; the router uses those the account holds and never converts.",
        why="USDT, USDC and USD: not every venue offers USDT to everyone, so the quote is a set.",
    ),
    Key(
        path="pairs_blocked",
        kind=Kind.PAIRS,
        direction=Direction.SUPERSET,
        doc="Pairs that are refused although their asset and quote are approved.",
        why="Empty: it is where a removed pair goes, and anyone may remove one at once.",
    ),
    Key(
        path="venues",
        kind=Kind.VENUES,
        doc="Venues that orders of this market may be routed to; a pair must be offered by every one of them.",
        why="The paper venue where money is not real; otherwise the venues we have an adapter for.",
    ),
)

_SIZE = (
    Key(
        path="order_notional_max",
        kind=Kind.MONEY,
        direction=Direction.LOWER,
        floor="0",
        ceiling="1000000000000",
        doc="Largest worth of one order, in the base currency; the share below may bind first.",
        why="$500 bounds what one wrong order costs, $100 where money is real; stocks are bounded by their share.",
    ),
    Key(
        path="order_share_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="0%",
        ceiling="1000%",
        doc="Largest worth of one order as a share of equity.",
        why="2 % lets a small account lose little by one order; 10 % of stocks is the stock desk's position limit.",
    ),
    Key(
        path="order_share_floor",
        kind=Kind.MONEY,
        direction=Direction.LOWER,
        floor="0",
        ceiling="1000000000000",
        doc="Worth below which the share does not bind, so that a small account can trade at all.",
        why="$25 of real money is above what venues refuse as too small; elsewhere equity is large enough for 0.",
    ),
    Key(
        path="order_quantity_max",
        kind=Kind.AMOUNTS,
        direction=Direction.LOWER,
        floor="0",
        ceiling="999999999999999",
        doc="Largest quantity of one order, per asset; an approved asset without an entry is refused "
        "(LIMIT_MISSING).",
        why="About a default account's worth of each asset: it never binds unless a price is wrong by far.",
    ),
    Key(
        path="position_share_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="0%",
        ceiling="1000%",
        doc="Largest position in one asset as a share of equity, across pairs and venues, working orders counted.",
        why="25 % of a coin and 10 % of a stock: four coins or ten stocks make a full account.",
    ),
    Key(
        path="ask_above",
        kind=Kind.MONEY,
        direction=Direction.LOWER,
        floor="0",
        ceiling="1000000000000",
        doc="Worth of an increasing order above which a person is asked; never inside a mandate.",
        why="Half of the largest usual order: small orders pass, the large ones are seen. 0 where money is real.",
    ),
    Key(
        path="loss_day_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="0%",
        ceiling="100%",
        doc="Loss of this market in a day, as a share of day-open equity, that stops new risk in this market alone.",
        why="2 % for stocks is the stock desk's halt; coins move more and get the account's own limit.",
    ),
)

_PRICE = (
    Key(
        path="price_age_max",
        kind=Kind.SPAN,
        direction=Direction.LOWER,
        floor="2s",
        ceiling="7d",
        binds_exits=True,
        doc="Age of the traded pair's quote, since the venue last confirmed it, above which it is stale.",
        why="10 s for coins that trade all night, 60 s for stocks; 2 s is what a healthy poll can always meet.",
    ),
    Key(
        path="valuation_age_max",
        kind=Kind.SPAN,
        direction=Direction.LOWER,
        floor="10s",
        ceiling="30d",
        doc="Age of a held asset's price above which equity is unknown and nothing increases.",
        why="Five minutes for coins; four days for stocks, so that a long weekend does not make equity unknown.",
    ),
    Key(
        path="spread_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="0%",
        ceiling="100%",
        doc="Distance between bid and ask, as a share of the middle, above which the price is not believed.",
        why="2 % for coins and 0.5 % for stocks is far above what liquid markets show.",
    ),
    Key(
        path="price_jump_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="0%",
        ceiling="1000%",
        doc="Move between two quotes above which the second waits to be confirmed by a third.",
        why="10 % within a minute is more often a wrong quote than a market.",
    ),
    Key(
        path="price_jump_window",
        kind=Kind.SPAN,
        direction=Direction.HIGHER,
        floor="1s",
        ceiling="1h",
        doc="Longest time between two quotes that are compared for a jump.",
        why="60 s is one tick of the desk: a move over a longer pause is no surprise.",
    ),
    Key(
        path="collar",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="1%",
        ceiling="100%",
        binds_exits=True,
        doc="How far on the aggressive side an order may be priced from the reference; never below "
        "exit_slippage_max.",
        why="5 % fills through any ordinary book and still refuses a price with a slipped digit.",
    ),
    Key(
        path="stop_distance_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="5%",
        ceiling="100%",
        binds_exits=True,
        doc="How far from the reference a stop may stand.",
        why="A stop 25 % away still limits a loss; one further away is a typing mistake.",
    ),
    Key(
        path="market_slippage",
        kind=Kind.SHARE,
        floor="0%",
        ceiling="10%",
        doc="How far from the reference a market entry may fill, and how much worse than its stop price a "
        "stop entry is judged.",
        why="1 %: a market order travels as a limit this far away. Lower judges stop entries more kindly, "
        "higher fills worse, so neither way is tighter.",
    ),
    Key(
        path="exit_slippage_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="1%",
        ceiling="50%",
        binds_exits=True,
        doc="How far from the reference an exit may fill before it is quoted again.",
        why="5 %: leaving matters more than the price, and the floor keeps it so.",
    ),
    Key(
        path="fee_buffer",
        kind=Kind.SHARE,
        direction=Direction.HIGHER,
        floor="0%",
        ceiling="5%",
        binds_exits=True,
        doc="Share of an order's worth that must be free beside it, for the fee.",
        why="1 % covers the dearest taker fee of our crypto venues, 0.1 % a stock broker's pass-through fees.",
    ),
    Key(
        path="drift_price_max",
        kind=Kind.SHARE,
        direction=Direction.LOWER,
        floor="0.1%",
        ceiling="5%",
        doc="How far the price may move between a person's look at a proposal and the signature.",
        why="0.5 % for coins and 0.3 % for stocks: the five minutes of a statement, on a calm day.",
    ),
)


def market_keys() -> tuple[Key, ...]:
    """Return the keys of every market's table, each under its full path."""
    return tuple(
        msgspec.structs.replace(key, path=f"{MARKET}{market.value}.{key.path}")
        for market in Market
        for key in (*_WHAT, *_SIZE, *_PRICE)
    )
