"""Reading a policy file: one sentence for everything that is not exactly a limit."""

import tomllib
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.guardrails.shipped import SIMULATED, TEXTS, values
from tests.regenerate import POLICIES
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.guardrails.key import Key
from trading_mcp.core.guardrails.keys import BY_PATH, KEYS, get, values_of
from trading_mcp.core.guardrails.schema import (
    TEXT_LENGTH_MAX,
    BareNumber,
    conflicts,
    opened_for,
    parse,
    parse_text,
    render,
    seal,
    sealed,
)
from trading_mcp.core.guardrails.spelling import (
    ENTRIES_MAX,
    Unreadable,
    read,
    read_text,
    shown,
    text_of,
    written_of,
)
from trading_mcp.errors import PolicyInvalid

MISSING = object()


def table_with(path: str, written: object) -> dict[str, Any]:
    """The parsed simulated policy with one key changed, added or removed."""
    table: dict[str, Any] = tomllib.loads(TEXTS["simulated"])
    *sections, name = path.split(".")
    inner = table
    for section in sections:
        inner = inner[section]
    if written is MISSING:
        del inner[name]
    else:
        inner[name] = written
    return table


def complaint(path: str, written: object, zones: set[str] | None = None) -> str:
    with pytest.raises(PolicyInvalid) as caught:
        parse(table_with(path, written), zones)
    assert "README.md" in caught.value.next_step
    return caught.value.message


SHARE = "account.loss_day_max"
MONEY = "market.crypto.order_notional_max"
SPAN = "account.pair_cooldown"
COUNT = "account.orders_open_max"
SWITCH = "account.short_allowed"
ASSETS = "market.crypto.assets_approved"
QUANTITY = "market.crypto.order_quantity_max"
BLOCKED = "market.crypto.pairs_blocked"

BAD: list[tuple[str, object, str]] = [
    (SHARE, 2, 'account.loss_day_max is 2: write a share with its percent sign: "2%".'),
    (SHARE, "2", 'account.loss_day_max is "2": write a share with its percent sign: "2%".'),
    (SHARE, BareNumber("0.5"), 'is 0.5 without quotes: write a share with its percent sign: "0.5%".'),
    (SHARE, 0.02, 'is 0.02 without quotes: write a share with its percent sign: "0.02%".'),
    (SHARE, Decimal(2), "without quotes"),
    (SHARE, "-2%", 'is "-2%": write a share with its percent sign: "2%".'),
    (SHARE, "+2%", "percent sign"),
    (SHARE, "2 %", "percent sign"),
    (SHARE, "2%\n", "percent sign"),
    (SHARE, "\u0662%", r'is "\u0662%": write a share'),
    (SHARE, "\u0662", 'percent sign: "2%".'),
    (SHARE, "NaN", "percent sign"),
    (SHARE, "Infinity", "percent sign"),
    (SHARE, "1e1%", "percent sign"),
    (SHARE, "02%", "percent sign"),
    (SHARE, "2.%", "percent sign"),
    (SHARE, "101%", 'is "101%": write a value from 0% to 100%.'),
    (SHARE, "100.000001%", "from 0% to 100%"),
    (SHARE, True, "is true: write a share"),
    (SHARE, None, "is None without quotes"),
    (SHARE, [], "is a list: write a share"),
    (SHARE, {}, "is a table: write a share"),
    (MONEY, 500, 'is 500: write plain digits in quotes: "500".'),
    (MONEY, "$500", 'write plain digits in quotes: "500".'),
    (MONEY, "1e5", "plain digits"),
    (MONEY, "1_000", "plain digits"),
    (MONEY, "NaN", "plain digits"),
    (MONEY, "-1", "plain digits"),
    (MONEY, "1000000000000.01", "from 0 to 1000000000000"),
    (MONEY, "9" * 16, "plain digits"),
    (MONEY, "0.1234567890123456789", "plain digits"),
    ("account.leverage_max", 1, 'is 1: write plain digits in quotes: "1".'),
    ("account.leverage_max", "x", 'write plain digits in quotes: "0.6".'),
    ("account.risk_multiplier", "1.01", "from 0 to 1."),
    (SPAN, 60, 'account.pair_cooldown is 60: write a whole number and its unit, s, min, h or d: "60s".'),
    (SPAN, "1.5", '"60s", "10min", "24h", "7d".'),
    (SPAN, "60 s", "its unit"),
    (SPAN, "1m", "its unit"),
    (SPAN, "8d", "from 0s to 7d"),
    (SPAN, "604801s", "from 0s to 7d"),
    ("market.crypto.price_age_max", "1s", "from 2s to 7d"),
    (COUNT, "20", "write a whole number without quotes, such as 20"),
    (COUNT, True, "is true: write a whole number"),
    (COUNT, BareNumber("20.0"), "is 20.0 without quotes: write a whole number"),
    (COUNT, -1, "is -1: write a value from 0 to 1000000."),
    (COUNT, 1000001, "from 0 to 1000000"),
    (COUNT, 10**40, "is a very large number"),
    (COUNT, -(10**40), "is a very large number"),
    (SWITCH, "false", "write true or false, without quotes"),
    (SWITCH, 0, "is 0: write true or false, without quotes"),
    (ASSETS, "BTC", "write a list of assets alone"),
    (ASSETS, {"BTC": "1"}, "is a table: write a list"),
    (ASSETS, ["BTC", "BTC"], 'write every entry once: "BTC" stands there twice'),
    (ASSETS, ["btc"], '"btc" will not do: write assets alone, without a quote, such as "BTC"'),
    (ASSETS, ["BTC-USDT"], '"BTC-USDT" will not do'),
    (ASSETS, [1], "1 will not do"),
    (ASSETS, ["POL"], '"POL" was renamed: write its oldest name, "MATIC"'),
    (ASSETS, ["B\u0422C"], "will not do"),
    (ASSETS, [f"A{number}" for number in range(ENTRIES_MAX + 1)], "at most 1000 entries"),
    ("market.crypto.quotes_approved", ["usd"], '"usd" will not do: write codes of currencies'),
    ("market.crypto.venues", ["Paper"], '"Paper" will not do: write venues in small letters'),
    ("market.crypto.venues", ["none"], '"none" will not do'),
    ("market.crypto.venues", ["paper", "paper"], "stands there twice"),
    (BLOCKED, ["BTCUSDT"], '"BTCUSDT" is spelled another way here: write "BTC-USDT"'),
    (BLOCKED, ["AAPL"], '"AAPL" is no pair of this market: write it in the other table'),
    ("market.stocks.pairs_blocked", ["BTC-USDT"], '"BTC-USDT" is no pair of this market'),
    (BLOCKED, ["BTC/USDT"], '"BTC/USDT" will not do: write pairs such as "BTC-USDT"'),
    (QUANTITY, "1", 'is "1": write a table of one quantity per asset: { BTC = "1" }'),
    (QUANTITY, {"BTC": 1}, '1 for BTC will not do: write plain digits in quotes: "1"'),
    (QUANTITY, {"btc": "1"}, '"btc" will not do'),
    (QUANTITY, {"BTC": "999999999999999.1"}, "from 0 to 999999999999999"),
    (QUANTITY, {f"A{number}": "1" for number in range(ENTRIES_MAX + 1)}, "at most 1000 entries"),
    ("schedule.zone", "utc", 'write a time zone such as "UTC"'),
    ("schedule.zone", 3, "write a time zone"),
    ("schedule.zone", "../etc/passwd", "write a time zone"),
    ("schedule.zone", "A/B/C/D", "write a time zone"),
    ("base_currency", "usd", "the code of a currency"),
    ("name", "Simulated", 'is "Simulated": "Simulated" will not do: write small letters'),
    ("name", 3, "3 will not do"),
    (SHARE, MISSING, "account.loss_day_max is missing: no limit has a default, so write it."),
    ("account.loss_day_maximum", "2%", "is no key of a policy: did you mean account.loss_day_max?"),
    ("account.zzz", 1, "account.zzz is no key of a policy: leave it out."),
    ("account", 3, "account is 3: write a table, [account], with its keys below it."),
    ("market", [], "market is a list: write a table, [market], with its keys below it."),
    ("market.futures", {}, "market.futures is no key of a policy"),
]


@pytest.mark.parametrize(("path", "written", "sentence"), BAD)
def test_what_is_no_limit_is_refused_in_a_sentence_that_says_what_would_be(
    path: str, written: object, sentence: str
) -> None:
    message = complaint(path, written)
    assert sentence in message
    assert message.isprintable()


GOOD: list[tuple[str, object, object]] = [
    (SHARE, "100%", Decimal(1)),
    (SHARE, "0%", Decimal(0)),
    (SHARE, "0.5%", Decimal("0.005")),
    (MONEY, "1000000000000", Decimal(10) ** 12),
    (MONEY, "0.01", Decimal("0.01")),
    ("account.risk_multiplier", "1", Decimal(1)),
    (SPAN, "7d", 7 * 86_400_000_000),
    (SPAN, "0s", 0),
    (SPAN, "24h", 86_400_000_000),
    (SPAN, "10min", 600_000_000),
    ("market.crypto.price_age_max", "2s", 2_000_000),
    (COUNT, 1000000, 1000000),
    (COUNT, 0, 0),
    (SWITCH, True, True),
    (ASSETS, [], frozenset[str]()),
    (
        ASSETS,
        [f"A{number}" for number in range(ENTRIES_MAX)],
        {f"A{number}" for number in range(ENTRIES_MAX)},
    ),
    (QUANTITY, {f"A{n}": "1" for n in range(ENTRIES_MAX)}, {f"A{n}": Decimal(1) for n in range(ENTRIES_MAX)}),
    (BLOCKED, ["BTC-USDT"], {"BTC-USDT"}),
    ("market.stocks.pairs_blocked", ["BRK.B"], {"BRK.B"}),
    ("market.crypto.venues", ["coinbase", "paper"], ("coinbase", "paper")),
    ("schedule.zone", "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
    ("base_currency", "EUR", "EUR"),
]


@pytest.mark.parametrize(("path", "written", "value"), GOOD)
def test_what_is_a_limit_is_read_exactly(path: str, written: object, value: object) -> None:
    assert get(parse(table_with(path, written)), BY_PATH[path]) == value


def test_a_zone_that_this_machine_does_not_know_is_refused_where_the_known_ones_are_given() -> None:
    assert parse(table_with("schedule.zone", "UTC"), {"UTC"}).schedule.zone == "UTC"
    assert "no such time zone is known here" in complaint("schedule.zone", "Mars/Olympus", {"UTC"})


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(PolicyInvalid) as caught:
        parse({"name": "mine", "nmae": "mine", "base_currency": 1})
    message = caught.value.message
    assert "nmae is no key of a policy: did you mean name?" in message
    assert "base_currency is 1" in message
    assert message.count("is missing") == len(KEYS) - 2


def test_a_quoted_name_with_dots_does_not_pass_for_a_table() -> None:
    with pytest.raises(PolicyInvalid, match=r'"account\.short_allowed" is no key: write the table it belongs to'):
        parse(table_with("name", "mine") | {"account.short_allowed": True})


def test_a_long_or_unprintable_text_is_quoted_short_and_printable() -> None:
    assert shown("x" * 38) == '"' + "x" * 38 + '"'
    assert shown("x" * 39) == '"' + "x" * 39 + '…"'
    assert shown("\x1b[2J") == '"\\x1b[2J"'
    assert shown(10**40 - 1) == "9" * 40
    assert shown(False) == "false"


@pytest.mark.parametrize(
    "text",
    ["name = ", "a = " + "[" * 20_000, "a = " + "9" * 5_000, "name = 'a'\nname = 'b'"],
    ids=["broken", "nested", "long", "twice"],
)
def test_what_is_not_toml_is_refused(text: str) -> None:
    with pytest.raises(PolicyInvalid, match="The text is not TOML: "):
        parse_text(text)


def test_a_text_is_read_up_to_its_longest_and_not_beyond() -> None:
    full = TEXTS["simulated"] + "#" * (TEXT_LENGTH_MAX - len(TEXTS["simulated"]))
    assert parse_text(full) == SIMULATED
    with pytest.raises(PolicyInvalid, match="longer than 65536 characters"):
        parse_text(full + "#")


def test_a_bare_number_of_a_file_is_quoted_as_it_was_written() -> None:
    text = TEXTS["simulated"].replace('loss_day_max = "5%"', "loss_day_max = 5.00", 1)
    with pytest.raises(PolicyInvalid, match=r"account.loss_day_max is 5.00 without quotes"):
        parse_text(text)


@pytest.mark.parametrize("market", Market)
def test_a_collar_may_be_at_the_exit_slippage_and_not_below_it(market: Market) -> None:
    path = f"market.{market.value}.collar"
    assert not conflicts(parse(table_with(path, "5%")))
    message = complaint(path, "4.99%")
    assert message == f"{path} is 4.99%, below exit_slippage_max of 5%: exits would be refused."


@pytest.mark.parametrize("name", POLICIES)
def test_a_written_policy_is_read_back_as_it_was(name: str) -> None:
    policy = parse_text(TEXTS[name])
    assert parse_text(render(policy)) == policy


def test_the_seal_follows_the_limits_and_not_their_spelling() -> None:
    same = parse(table_with(SPAN, "1min") | {"base_currency": "USD"})
    assert same.hash == SIMULATED.hash
    assert parse(table_with(SHARE, "5.0%")).hash == SIMULATED.hash
    assert parse(table_with(SHARE, "5.1%")).hash != SIMULATED.hash
    assert len(SIMULATED.hash) == 64
    assert seal(msgspec.structs.replace(SIMULATED, hash="forged")) == SIMULATED


@given(st.data())
def test_every_value_a_key_may_hold_survives_both_of_its_spellings(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(KEYS))
    value = data.draw(values(key))
    assert read(key, written_of(key, value)) == value
    assert read_text(key, text_of(key, value)) == value


@given(st.data())
def test_every_key_is_under_the_seal(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(KEYS))
    value = data.draw(values(key))
    other = sealed({**values_of(SIMULATED), key.path: value})
    assert (other.hash == SIMULATED.hash) == (value == get(SIMULATED, key))


EVIL = st.one_of(
    st.floats(),
    st.none(),
    st.decimals(),
    st.binary(),
    st.integers(max_value=-1),
    st.integers(min_value=10**9),
    st.sampled_from(["NaN", "nan", "Infinity", "-Infinity", "1e5", "1E5", "-1", "-2%", "٢", "٢%", "\uff12s", "0x10"]),
    st.sampled_from(["1e-400", "1e400", " 1", "1 ", "1\n", "", "%", "s", "1,0", "1_0", "+1", "2%%", "∞"]),
    st.tuples(),
    st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.just("a b")), min_size=1),
    st.dictionaries(st.integers(), st.text(), min_size=1),
)


@given(st.sampled_from(KEYS), EVIL)
def test_nothing_evil_is_ever_read(key: Key, written: object) -> None:
    with pytest.raises(Unreadable):
        read(key, written)


@given(st.sampled_from(KEYS), st.text())
def test_a_text_is_read_to_a_value_within_the_schema_or_refused(key: Key, text: str) -> None:
    try:
        value = read_text(key, text)
    except Unreadable:
        return
    assert read_text(key, text_of(key, value)) == value
    assert text.isascii()


BAD_TEXTS = [
    (COUNT, "020"), (COUNT, "-1"), (COUNT, "1.0"), (COUNT, "1000001"), (COUNT, "٢"), (COUNT, "1" * 10),
    (SWITCH, "True"), (SWITCH, "1"), (SWITCH, ""), (ASSETS, ""), (ASSETS, "BTC,"), (ASSETS, "BTC, BTC"),
    (QUANTITY, "BTC"), (QUANTITY, "BTC="), (QUANTITY, "BTC=1, BTC=2"), (QUANTITY, "=1"),
    (QUANTITY, "BTC=1=2"),
    (SHARE, "2"), ("schedule.zone", "none!"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "text"), BAD_TEXTS)
def test_a_text_that_is_no_value_is_refused(path: str, text: str) -> None:
    with pytest.raises(Unreadable):
        read_text(BY_PATH[path], text)


def test_a_span_shorter_than_any_spelling_is_still_sealed_apart() -> None:
    def aged(age: int) -> Policy:
        limits = msgspec.structs.replace(SIMULATED.crypto, price_age_max=age)
        return seal(msgspec.structs.replace(SIMULATED, crypto=limits))

    assert text_of(BY_PATH["market.crypto.price_age_max"], 1_500_000) == "1500000us"
    assert len({aged(1_500_000).hash, aged(1_500_001).hash, aged(1_000_000).hash}) == 3


def test_a_backtest_opens_the_open_policy_for_its_own_pairs_and_costs() -> None:
    opened = opened_for(
        parse_text(TEXTS["backtest-open"]), ["POL-EUR", "ZZZ", "BTC-USDT"], Decimal("0.002"), Decimal("0.001")
    )
    assert {"MATIC", "BTC", "DOGE"} < opened.crypto.assets_approved
    assert "SPY" not in opened.crypto.assets_approved
    assert {"SPY", "ZZZ"} < opened.stocks.assets_approved
    assert "EUR" in opened.crypto.quotes_approved
    assert "ZZZ" not in opened.crypto.assets_approved
    assert "ZZZ" in opened.stocks.assets_approved
    assert opened.stocks.order_quantity_max["ZZZ"] == Decimal(999_999_999_999_999)
    assert set(opened.stocks.order_quantity_max) == opened.stocks.assets_approved
    for limits in (opened.crypto, opened.stocks):
        assert (limits.market_slippage, limits.fee_buffer) == (Decimal("0.002"), Decimal("0.001"))
    assert seal(opened) == opened
    assert parse_text(render(opened)) == opened


def test_no_other_policy_is_opened() -> None:
    assert opened_for(SIMULATED, ["ZZZ"], Decimal(0), Decimal(0)) is SIMULATED


def test_a_table_of_quantities_is_written_on_one_line() -> None:
    quantities = {"ETH": Decimal("2.50"), "BTC": Decimal(1)}
    text = render(sealed({**values_of(SIMULATED), QUANTITY: quantities}))
    assert 'order_quantity_max = {"BTC" = "1", "ETH" = "2.5"}\n' in text
