"""What the product must do, sentence by sentence, and the tests that prove each."""

from typing import NamedTuple


class Requirement(NamedTuple):
    """`proofs` are test ids such as `tests/core/test_gate.py::test_a_missing_price_denies`."""

    id: str
    sentence: str
    proofs: tuple[str, ...] = ()
    planned: bool = False


def planned(id: str, sentence: str) -> Requirement:  # noqa: A002 - the word of the table
    """Not asked for yet, or not proven yet: listed, and never counted as passed."""
    return Requirement(id, sentence, planned=True)


def proven(id: str, sentence: str, *proofs: str) -> Requirement:  # noqa: A002 - the word of the table
    """Held by these tests; each also carries `@pytest.mark.proves(id)`."""
    return Requirement(id, sentence, proofs)


TRADING_AGENT = (
    planned(
        "T1",
        "A venue offers prices, depth, candles, trades, pairs, balances, fees, orders and streams.",
    ),
    proven(
        "T2",
        "Every limit of the gate is in force by default, and ten pairs against USDT are approved.",
        "tests/core/guardrails/test_keys.py::test_the_shipped_limits_are_the_designed_ones",
        "tests/simulation/test_defaults_serve.py::test_five_algorithms_on_ten_pairs_get_what_each_would_get_alone",
    ),
    proven(
        "T3",
        "Positions, balances and profit are kept per pair and venue; a sell leaves the average entry alone.",
        "tests/core/domain/test_portfolio.py::test_fills_fold_to",
        "tests/core/domain/test_portfolio.py::test_books_and_venues_hold_apart_what_they_bought_apart",
    ),
    proven(
        "T4",
        "Orders, partial fills and fees are kept, filtered by pair, and archived without getting lost.",
        "tests/simulation/test_orders.py::test_a_partial_fill_stays_open_fills_on_and_is_remembered_when_it_ends",
        "tests/adapters/journal/test_views.py::test_orders_stand_as_they_stand_now",
        "tests/adapters/journal/test_archive.py::test_full_segments_older_than_the_retention_are_archived_and_everything_stays_readable",
    ),
    proven(
        "T5",
        "Everything that happens is in the journal with its actor and time, and nothing of it is ever lost.",
        "tests/adapters/journal/test_views.py::test_every_kind_of_event_has_an_actor_and_names",
        "tests/adapters/journal/test_views.py::test_an_event_says_who_caused_it",
        "tests/adapters/journal/test_views.py::test_events_answer_to_the_names_of_other_systems_and_to_their_own",
        "tests/adapters/journal/test_archive.py::test_full_segments_older_than_the_retention_are_archived_and_everything_stays_readable",
    ),
    planned("T6", "Prices are kept per pair and venue, the last 200 candles in memory and the history on disk."),
    planned("T7", "A pair is active when it is approved and offered by every venue that its market is routed to."),
    planned("T8", "Crypto.com is a venue, signed, asked for market data at most once every 100 milliseconds."),
    planned("T9", "Coinbase Advanced is a venue, signed and rate-limited."),
    proven(
        "T10",
        "The paper venue fills at the price a real one would, and knows no host where money is real.",
        "tests/simulation/test_orders.py::test_what_takes_pays_the_ask_gets_the_bid_and_a_fee_each_time",
        "tests/adapters/brokers/test_paper_orders.py::test_a_market_order_walks_the_book_up_to_its_worst_price_and_is_not_left_lying",
        "tests/adapters/brokers/test_paper_orders.py::test_fees_are_taken_from_the_quote_or_from_what_was_bought",
        "tests/adapters/brokers/test_paper_orders.py::test_a_resting_order_fills_in_parts_as_books_come_and_holds_less_each_time",
        "tests/adapters/brokers/test_paper_file.py::test_it_loads_nothing_that_could_open_a_connection",
        "tests/adapters/brokers/test_paper_file.py::test_it_is_never_made_for_real_money",
        "tests/core/simulation/test_matching_depth.py::test_an_order_meets_a_book",
        "tests/core/simulation/test_matching_depth.py::test_a_share_of_the_book_is_all_one_gets",
        "tests/architecture/test_imports.py::test_imports_point_down",
    ),
    planned(
        "T11",
        "The router asks every venue at once, compares prices after fees and depth, and keeps its reason.",
    ),
    planned("T12", "A signal provider has five seconds; whatever goes wrong means hold."),
    planned("T13", "One loop leads from pairs to data, signal, gate, route and execution."),
    planned("T14", "Trading, rebalancing, discovery and the daily report run by the clock and never overlap."),
    planned(
        "T15",
        "Status, portfolio, orders and guardrails are reached over HTTP, and nothing is loosened there.",
    ),
    planned("T16", "The signal service answers predictions over HTTP and names only the models it really loaded."),
    proven(
        "T17",
        "Assistants find the fourteen tools under the names they were promised; every call is journaled.",
        "tests/doors/mcp_server/test_surface.py::test_the_tools_cost_little_to_read",
        "tests/doors/mcp_server/test_tools.py::test_every_tool_answers_and_is_journaled_before_and_after",
        "tests/doors/mcp_server/test_resources.py::test_every_resource_is_listed_read_and_journaled_before_and_after",
        "tests/doors/mcp_server/test_http.py::test_a_trader_trades_in_both_eras_and_the_journal_names_the_token",
        "tests/doors/mcp_server/test_http.py::test_a_reader_has_what_reads_and_nothing_else",
    ),
    planned("T18", "A workflow tests, builds, publishes and deploys."),
)

DEPARTURES = (
    proven(
        "D1",
        "The daily loss counts what is realised and what is not, fees in and cash flows out.",
        "tests/core/test_departures.py::test_a_falling_position_is_a_loss_before_anybody_sells",
        "tests/core/test_departures.py::test_fees_count_into_the_loss_and_money_that_is_moved_does_not",
    ),
    proven(
        "D2",
        "Concentration is counted per asset, across pairs and venues.",
        "tests/core/test_departures.py::test_concentration_adds_up_pairs_and_venues_of_one_asset",
    ),
    proven(
        "D3",
        "Limits bind what increases risk; no loss, tempo or concentration limit stops a sell that reduces.",
        "tests/core/test_departures.py::test_no_limit_on_losses_tempo_or_concentration_stops_a_sell_that_reduces",
    ),
    proven(
        "D4",
        "A breach reduces and lets exits work; only a signature ends it.",
        "tests/core/test_departures.py::test_a_breach_reduces_lets_exits_work_and_ends_with_a_signature_only",
    ),
    proven(
        "D5",
        "The mode belongs to the home for life and is never read from the environment.",
        "tests/core/test_departures.py::test_an_order_meets_the_mode_of_its_home_at_the_venue_or_nothing",
        "tests/core/test_departures.py::test_nothing_reads_a_mode_from_the_environment",
    ),
    proven(
        "D6",
        "Tempo counts per algorithm where money is not real and per account where it is.",
        "tests/core/test_departures.py::test_tempo_counts_per_algorithm_and_where_money_is_real_for_the_account_too",
    ),
    proven(
        "D7",
        "Tools tighten at once and propose the rest; they loosen nothing.",
        "tests/core/test_departures.py::test_whoever_asks_a_limit_is_tightened_at_once_and_loosened_by_proposal",
        "tests/core/test_departures.py::test_a_tool_halts_at_once_and_cannot_resume",
    ),
)

ALGORITHMS = (
    planned("A1", "Algorithms, trades, snapshots, positions and the system's state can each be queried."),
    planned("A2", "Enabled algorithms run every minute while their market is open by the venue's clock."),
    planned("A3", "A crossover of two moving averages ships with the product."),
    planned("A4", "What an algorithm orders is executed and recorded."),
    planned("A5", "Algorithms, their trades, performance and comparison are reached by REST."),
    planned(
        "A6",
        "A page draws every equity curve on one chart and lets a person create, edit and switch algorithms.",
    ),
)

STOCK_DESK = (
    planned("S1", "Alpaca's account, positions, bars, orders and clock are read with keys kept in 1Password."),
    planned("S2", "Signals, validation, risk, summaries and trades are values of their own."),
    planned("S3", "The operator's log is JSON lines, turned over daily."),
    proven(
        "S4",
        "A stock position is at most 10 % of equity, and 2 % lost in a day halts stocks alone.",
        "tests/core/test_departures.py::test_a_stock_is_at_most_a_tenth_of_all",
        "tests/core/test_departures.py::test_two_per_cent_lost_in_a_day_stop_stocks_and_nothing_else",
    ),
    proven(
        "S5",
        "Trades and daily profit are read from what was recorded.",
        "tests/adapters/journal/test_views.py::test_every_fill_is_a_trade_that_says_what_it_realised",
        "tests/adapters/journal/test_views.py::test_equity_is_a_snapshot_for_each_scope",
    ),
    planned("S6", "Momentum with volume confirmation and mean reversion ship as strategies."),
    planned("S7", "Strategies are loaded from configuration, followed when it changes, weighed and measured."),
    planned("S8", "A position is sized, one or all are closed, an order is cancelled."),
    planned("S9", "A trailing stop arms at 2 % and follows 1 % behind."),
    planned(
        "S10",
        "The session opens and closes by the venue's clock, and leaves its status in a file every loop.",
    ),
    planned("S11", "The desk runs under launchd and systemd, and starts and stops by command."),
    planned("S12", "Check-ins come before the open, at midday and after the close."),
    planned("S13", "Every signal is recorded, acted on or not, with what each strategy earned."),
    planned("S14", "The weekend's optimisation over the past week ends in a proposal."),
    planned("S15", "Fear, greed and pending events shrink risk or keep a symbol out."),
)

PLATFORM = (
    planned("P1", "Prices arrive as they happen, their health is known, and a dry run goes as far as it may."),
    planned("P2", "The dashboard hears rather than asks, within half a second, and says why something is blocked."),
    planned(
        "P3",
        "No live order leaves without leave; every attempt explains itself; every action names its inverse.",
    ),
    planned("P4", "A strategy is described in a language that is stored, versioned and replayed."),
    planned("P5", "A backtest runs on candles and ticks, with slippage, through the same gate."),
    planned("P6", "The regime, the weights and the confidence of a signal can be explained."),
    planned("P7", "Tuning guards against overfitting and logs every experiment."),
    planned("P8", "A challenger replaces a champion by thresholds, never silently, and a person can overrule it."),
    planned("P9", "News and breadth enter aligned in time, and nothing leaks from the future."),
    planned("P10", "A bot obeys the gate and reports every action."),
    planned("P11", "Jobs can be watched, and a zone with a half-hour offset is tested."),
    planned("P12", "Every action of the agent is announced on the channels its owner chose."),
    planned("P13", "A browser drives the pages in tests, against a mock venue that fails on demand."),
    planned("P14", "Ticks, cache and fan-out are measured under pressure."),
    planned("P15", "The container is hardened, and an update loses nothing."),
    planned("P16", "OpenAlgo is a venue, with a fake of it for tests."),
)

ANALYST = (
    planned("U1", "A model writes scheduled reviews where the owner added a key; all else works without."),
    planned("U2", "Health and execution answer within 100 milliseconds."),
    planned("U3", "A notebook becomes a draft strategy, with what could not be converted named."),
    planned("U4", "Several owners share a host and nothing else."),
    planned("U5", "A person logs in and out, and a reverse proxy may say who they are."),
    planned("U6", "Alpaca is asked within its rate, and only reads are retried."),
    planned("U7", "A backtest is a job with progress, stored results and metrics."),
    planned("U8", "The wheel, the iron condor, gamma scalping and crypto momentum can be run."),
    planned("U9", "Sessions, executors, backtests and market data are long-lived parts of the desk."),
    planned("U10", "Strategies are analysed, reviewed and drafted in plain language."),
    planned("U11", "Past trades, patterns and conditions are found by what they mean."),
    planned("U12", "Nine lines in ten are covered, and load and attacks are tested."),
    planned("U13", "Releases pass through staging and can be rolled back."),
    planned("U14", "The first call is as quick as the next."),
)

REQUIREMENTS = (*TRADING_AGENT, *DEPARTURES, *ALGORITHMS, *STOCK_DESK, *PLATFORM, *ANALYST)
