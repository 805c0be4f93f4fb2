"""Nothing secret and nothing hidden gets past the redactor, and plain sentences get past whole."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trading_mcp import redact
from trading_mcp.redact import REDACTED, TEXT_LENGTH_MAX, cut, plain, redacted

# Canaries: shaped like what they imitate, opening nothing. Built in pieces, so that no scanner mistakes them.
LETTERS = "9fK2mQ7xW4pL8vR3tZ6bN1cY5hJ0dG"
HEX = "deadbeef" * 8
CANARIES = {
    "alpaca key": "PK" + "8SJ2K4LQX7M3N5VB",
    "alpaca secret": LETTERS + "aB3dE6gH9j",
    "hexadecimal key": HEX,
    "hexadecimal key with prefix": "0x" + HEX,
    "base64 seed": "x7" + LETTERS + "+/Q3==",
    "url-safe seed": "k9_" + LETTERS + "-Zz",
    "github token": "gh" + "p_" + LETTERS,
    "model key": "sk" + "-ant-" + LETTERS,
    "cloud key": "AK" + "IA" + "Q3EGRIX7LQJ5WZ2P",
    "json web token": "eyJ" + "hbGciOiJIUzI1NiJ9" + ".eyJ" + "zdWIiOiIxIn0" + ".c2lnbmF0dXJl",
    "token of our own": "tm" + "cp_" + "abcdefgh-ijklmnop_qrstuvwx-yzabcdefgh-ijklm",
    "1password service token": "ops" + "_" + "eyJzaWduSW5BZGRyZXNz",
}
NAMED = (
    "password={}",
    "password: {}",
    '"api_key": "{}"',
    "'apiSecret': '{}'",
    "APCA-API-SECRET-KEY: {}",
    "TRADING_MCP_HTTP_TOKEN={} trading-mcp",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "https://ana:{}@example.com/orders",
    "https://example.com/orders?signature={}&side=buy",
    "signature: {}",
    "your signature: {}, as asked",
    "my password is {}",
    "passphrase: {} and so on",
    "secret: token: {}",
    "Cookie: {}",
    "pin={}",
    "mnemonic is {} and more",
    "recovery phrase: {}",
    "credentials={}",
    "key_id: {}",
    "session_id={}",
    "auth={}",
    "passwd={}",
    "pwd: {}",
    "OTP={}",
)


@pytest.mark.parametrize("canary", CANARIES.values(), ids=CANARIES.keys())
@pytest.mark.parametrize("around", ["{}", "it said {}, twice: {}.", "({})", "a\n{}\nb", 'x="{}"', "{}\x00"])
def test_a_secret_with_the_shape_of_one_goes(canary: str, around: str) -> None:
    line = redacted(around.format(canary, canary))
    assert canary not in line
    assert REDACTED in line


@pytest.mark.parametrize("sentence", NAMED)
def test_a_secret_that_is_called_one_goes_whatever_its_shape(sentence: str) -> None:
    line = redacted(sentence.format("hunter2hunter"))
    assert "hunter2" not in line
    assert REDACTED in line


@pytest.mark.parametrize(
    "sentence",
    [
        "X-Signature: {}",
        "request_signature: {}",
        'body "signature": "{}"',
        "signature: '{}'",
        "signature={}",
        "signature:{}",
        "my.signature: {}",
        "token: signature: {}",
        "secret=signature: {}",
        "cookie:signature: {}",
    ],
)
def test_where_a_program_speaks_of_a_signature_even_a_word_goes(sentence: str) -> None:
    line = redacted(sentence.format("plainword"))
    assert "plainword" not in line
    assert REDACTED in line


@pytest.mark.parametrize(
    "value",
    [
        "MEUCIQDx",
        "aBcDeFgHi",
        "abc-def",
        "abc=",
        "a" * 20,
        "abc4def",
        "abc_def",
        "abc/def",
        "ABCDEF",
        "abc.DEF4",
        " aB3",
    ],
)
def test_after_the_word_of_people_too_whatever_looks_like_one_goes(value: str) -> None:
    line = redacted(f"the signature: {value}")
    assert value not in line
    assert line.split() == ["the", "signature:", REDACTED]


def test_what_stands_around_a_secret_stays() -> None:
    assert redacted('{"pair": "BTC-USDT", "api_key": "abc", "side": "buy"}') == (
        '{"pair": "BTC-USDT", "api_key": [redacted], "side": "buy"}'
    )
    assert redacted("GET https://ana:pw@example.com/x?token=abc&side=buy") == (
        "GET https://[redacted]@example.com/x?token=[redacted]&side=buy"
    )


def test_a_passphrase_goes_with_all_its_words() -> None:
    assert redacted("passphrase: correct horse battery staple; then sell") == f"passphrase: {REDACTED}; then sell"


def test_a_private_key_goes_whole_even_when_its_end_is_missing() -> None:
    head, tail = ("-----" + word + " EC PRIVATE KEY-----" for word in ("BEGIN", "END"))
    assert redacted(f"a {head}\nMHcCAQEE\n{tail} b") == f"a {REDACTED} b"
    assert redacted(f"a {head}\nMHcCAQEE") == f"a {REDACTED}"


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u202e", "\x1b[0m", "\x00", "\ufe0f", "\U000e0041"])
def test_a_secret_cannot_hide_behind_characters_nobody_sees(hidden: str) -> None:
    for canary in CANARIES.values():
        line = redacted(f"note {hidden.join(canary)} end")
        assert canary not in line
        assert REDACTED in line


@given(st.data())
def test_no_name_is_passed_over_because_a_line_seems_to_have_none(data: st.DataObject) -> None:
    names, _ = data.draw(st.sampled_from(redact._NAMED))  # pyright: ignore[reportPrivateUsage]
    line = data.draw(st.from_regex(names, alphabet=st.characters(max_codepoint=127)))
    assert names.search(line) is None or redact._may_name(line)  # pyright: ignore[reportPrivateUsage]


def test_a_secret_is_removed_before_the_line_is_cut() -> None:
    assert LETTERS[:5] not in redacted(f"{'a' * 20} password={LETTERS}", length_max=40)


@pytest.mark.parametrize(
    "sentence",
    [
        "Momentum above VWAP since 14:30; stop at 61,250.50, target 2R.",
        "rebalance-2026-01-05-BTC-USDT",
        "order 550e8400-e29b-41d4-a716-446655440000 was filled at 0.00001234",
        "RSI(14)=28.4, MACD crossed, confidence 0.73",
        "the author pinned this token economy as a key idea",
        "a basic strategy for bearers of bad news",
        "Überkauft: Gewinn mitnehmen, 利確 🎯",
        "https://example.com/news?id=7",
        "it waits for your signature: approve it, or wait",
        "Signature: none. It asks again tomorrow",
        "",
    ],
)
def test_plain_sentences_pass_whole(sentence: str) -> None:
    assert redacted(sentence) == sentence


def test_terminal_sequences_go_whole() -> None:
    assert plain("\x1b[31mred\x1b[0m \x1b]8;;https://example.com\x07link\x1b]8;;\x1b\\ \x9b2Jgone") == "red link gone"


def test_lines_become_one_and_directions_cannot_be_turned() -> None:
    assert plain("first\r\nsecond\u2028third\ttab") == "first second third tab"
    assert plain("pay \u202etseb\u202c now\u2066!") == "pay tseb now!"


def test_half_a_character_does_not_break_what_writes_it_down() -> None:
    assert redacted("half \ud83d of one").encode() == b"half of one"


def test_a_long_text_is_cut_and_says_so() -> None:
    line = redacted("word " * 10_000)
    assert len(line) <= TEXT_LENGTH_MAX
    assert line.endswith("…")
    assert (cut("abc", 3), cut("abcd", 3), cut("abcd", 1), cut("abcd", 0)) == ("abc", "ab…", "…", "")


@given(st.text())
def test_whatever_comes_in_one_visible_line_comes_out(text: str) -> None:
    line = redacted(text)
    assert len(line) <= TEXT_LENGTH_MAX
    assert not [character for character in line if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"}]
    assert line == line.strip()
    line.encode()


@given(st.text(max_size=200))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


@given(st.text(), st.sampled_from(sorted(CANARIES.values())), st.text())
def test_no_neighbour_lets_a_canary_through(before: str, canary: str, after: str) -> None:
    assert canary not in redacted(f"{before} {canary} {after}")


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "aA1",
        "\x1b[",
        "://x",
        'secret="',
        "passphrase: ",
        "eyJaaaaaaaaa.",
        "bearer ",
        "-----BEGIN A",
        "api_",
    ],
)
def test_hostile_text_is_read_in_linear_time(unit: str) -> None:
    # If the work grew with the square of the text, this would take minutes, not a blink.
    assert len(redacted(unit * 100_000)) <= TEXT_LENGTH_MAX
