"""The guard of every HTTP door, rule by rule: what it cannot tell, it refuses."""

from typing import Any

import pytest

from trading_mcp.doors import http_guard as guard
from trading_mcp.errors import HomeUnsafe

PORT = 8642


class One:
    name = "laptop"
    role = "reader"


class Knows:
    """Tokens of which there is one, `secret`; or whose file is broken."""

    def __init__(self, *, is_broken: bool = False) -> None:
        self.is_broken = is_broken
        self.asked: list[str] = []

    def holder(self, secret: str) -> One | None:
        self.asked.append(secret)
        if self.is_broken:
            raise HomeUnsafe("tokens.json holds no tokens of ours.", "Remove it.")
        return One() if secret == "secret" else None  # noqa: S105 - of a test


def scope(*headers: tuple[str, str], version: str = "1.1") -> guard.Scope:
    pairs = [(key.encode(), value.encode("latin-1")) for key, value in headers]
    return {"type": "http", "http_version": version, "headers": pairs}


HOST = ("host", f"127.0.0.1:{PORT}")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((HOST,), None),
        ((("host", f"localhost:{PORT}"),), None),
        ((HOST, ("origin", f"http://127.0.0.1:{PORT}")), None),
        ((), 400),
        ((HOST, HOST), 400),
        ((("host", ""),), 421),
        ((("host", "127.0.0.1"),), 421),
        ((("host", f"127.0.0.1:{PORT} "),), 421),
        ((("host", f"127.0.0.1:{PORT}."),), 421),
        ((("host", f"127.0.0.1.:{PORT}"),), 421),
        ((("host", f"LOCALHOST:{PORT}"),), 421),
        ((("host", f"[::1]:{PORT}"),), 421),
        ((("host", f"0.0.0.0:{PORT}"),), 421),
        ((("host", f"127.0.0.1:{PORT + 1}"),), 421),
        ((("host", f"127.0.0.1:{PORT}@evil.example"),), 421),
        ((("host", f"evil.example:{PORT}"),), 421),
        ((HOST, ("origin", "null")), 403),
        ((HOST, ("origin", "")), 403),
        ((HOST, ("origin", f"http://localhost:{PORT}")), 403),
        ((HOST, ("origin", f"http://127.0.0.1:{PORT}/")), 403),
        ((HOST, ("origin", f"https://127.0.0.1:{PORT}")), 403),
        ((HOST, ("origin", f"http://127.0.0.1:{PORT + 1}")), 403),
        ((HOST, ("origin", "http://127.0.0.1")), 403),
        ((HOST, ("origin", f"http://127.0.0.1:{PORT}"), ("origin", f"http://127.0.0.1:{PORT}")), 403),
        ((HOST, ("origin", f"http://127.0.0.1:{PORT}.evil.example")), 403),
    ],
)
def test_host_and_origin_are_exact_and_said_once(headers: tuple[tuple[str, str], ...], status: int | None) -> None:
    refusal = guard.misdirected(scope(*headers), PORT)
    assert (None if refusal is None else refusal.status) == status


@pytest.mark.parametrize("version", ["1.0", "0.9", "2", "3", "1.1 "])
def test_only_the_one_version_is_spoken(version: str) -> None:
    refusal = guard.misdirected(scope(HOST, version=version), PORT)
    assert refusal is not None
    assert refusal.status == 505


def test_what_a_refusal_repeats_is_short_visible_and_no_secret() -> None:
    for host in ("\x1b[31mred", "x" * 5_000, "tmcp_" + "aB3" * 20):
        refusal = guard.misdirected(scope(("host", host)), PORT)
        assert refusal is not None
        assert "\x1b" not in refusal.sentence
        assert "aB3" not in refusal.sentence
        assert len(refusal.sentence) < 250


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ((("authorization", "Bearer secret"),), ["secret"]),
        ((("authorization", "bearer secret"),), ["secret"]),
        ((("authorization", "Bearer other"),), ["other"]),
        ((("authorization", "Bearer  secret"),), ["secret"]),
        ((("authorization", "Bearer"),), []),
        ((("authorization", "Bearer "),), []),
        ((("authorization", "secret"),), []),
        ((("authorization", "Basic secret"),), []),
        ((("authorization", "Bearer secret"), ("authorization", "Bearer secret")), []),
        ((("cookie", "secret"), ("x-token", "secret")), []),
        ((), []),
    ],
)
def test_a_token_stands_in_one_header_and_is_asked_for_once(
    headers: tuple[tuple[str, str], ...], asked: list[str]
) -> None:
    knows = Knows()
    found = guard.holder_of(scope(*headers), knows)
    assert knows.asked == asked
    if asked == ["secret"]:
        assert isinstance(found, One)
    else:
        assert isinstance(found, guard.Refusal)
        assert found.status == 401


def test_where_tokens_cannot_be_read_nobody_comes_in() -> None:
    found = guard.holder_of(scope(("authorization", "Bearer secret")), Knows(is_broken=True))
    assert isinstance(found, guard.Refusal)
    assert (found.status, "holds no tokens of ours" in found.sentence) == (503, True)


def messages(*parts: Any) -> guard.Receive:
    waiting = list(parts)

    async def receive() -> guard.Message:
        part = waiting.pop(0)
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    return receive


async def test_a_body_is_whole_or_none() -> None:
    assert await guard.body_of(scope(), messages(b"a", b"", b"b")) == b"ab"
    assert await guard.body_of(scope(), messages(b"a", None)) is None
    whole = b"x" * guard.BODY_MAX
    assert await guard.body_of(scope(("content-length", str(len(whole)))), messages(whole)) == whole


@pytest.mark.parametrize(
    ("length", "parts"),
    [
        (str(guard.BODY_MAX + 1), ()),
        ("9" * 5_000, ()),
        ("-1", ()),
        ("1,1", ()),
        ("", ()),
        ("1", (b"x" * guard.BODY_MAX, b"x")),
    ],
)
async def test_a_body_that_is_too_long_is_not_read_to_its_end(length: str, parts: tuple[bytes, ...]) -> None:
    refused = await guard.body_of(scope(("content-length", length)), messages(*parts))
    assert isinstance(refused, guard.Refusal)
    assert refused.status == 413


async def test_a_body_that_was_read_is_handed_out_once_and_then_what_comes() -> None:
    receive = guard.replayed(b"body", messages(None))
    assert await receive() == {"type": "http.request", "body": b"body", "more_body": False}
    assert (await receive())["type"] == "http.disconnect"
