"""Every kind of event is one sentence of its own, and none lets a line, a secret or a terminal sequence through."""

from decimal import Decimal

import pytest

from tests.adapters.journal.samples import sample
from trading_mcp.core.domain import events as e
from trading_mcp.core.domain.latches import ACCOUNT, TradingState
from trading_mcp.core.domain.mandates import Mandate
from trading_mcp.core.domain.policy import Delta
from trading_mcp.core.domain.proposals import (
    ProposalBody,
    ProposalEnd,
    ProposedClose,
    ProposedMandate,
    ProposedOrderRelease,
    ProposedPolicy,
    ProposedRelease,
)
from trading_mcp.core.domain.verdict import Outcome, Verdict
from trading_mcp.desk.wording import body_text, is_quiet, sentence, verdict_text

KINDS = e.AnyEvent.__args__
MANDATE = Mandate(
    algorithm="sma",
    version="1",
    venues=("paper",),
    pairs=frozenset({"BTC-USDT"}),
    capital=Decimal(1),
    order_notional_max=Decimal(1),
    orders_day_max=1,
    loss_max=Decimal(1),
    issued_at=1,
    value_at_issue=Decimal(1),
)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_an_event_is_told_in_one_line(kind: type[e.Event]) -> None:
    said = {sentence(sample(kind, number)) for number in range(4)}
    assert all(text and len(text) <= 400 and text.isprintable() for text in said)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (ProposedPolicy(deltas=(Delta(key="a.b", before="1", after="2"),)), "a.b: 1 -> 2"),
        (ProposedMandate(mandate=MANDATE), "let sma trade unattended"),
        (ProposedRelease(scope=ACCOUNT, target=TradingState.ACTIVE), "release account to ACTIVE"),
        (
            ProposedClose(position="manual/paper/BTC-USDT", quantity=Decimal("0.10")),
            "close 0.1 of manual/paper/BTC-USDT",
        ),
        (ProposedOrderRelease(order_id="o-1", venue="paper"), "let order o-1 of unknown fate at paper go"),
    ],
)
def test_what_waits_is_told_by_what_it_would_do(body: ProposalBody, text: str) -> None:
    assert body_text(body) == text


def test_words_of_others_lose_their_secrets_and_their_sequences() -> None:
    said = sentence(e.OrderRejected(at=1, order_id="o", reason="api_key=abcdef123456 \x1b[2J\nBTC"))
    assert "abcdef123456" not in said
    assert "\x1b" not in said
    assert "\n" not in said


def test_a_proposal_keeps_its_name() -> None:
    name = "release/account/ACTIVE/1795235576135797"
    ended = sentence(e.ProposalEnded(at=1, proposal_id=name, end=ProposalEnd.DECLINED, reason=""))
    assert ended == f"proposal {name} declined"
    assert sentence(e.ProposalEnded(at=1, proposal_id=name, end=ProposalEnd.DECLINED, reason="no")).endswith(": no")


def test_a_verdict_names_what_decided_it() -> None:
    assert verdict_text(Verdict(outcome=Outcome.ALLOW, findings=(), policy="", reduces=False)) == "allowed"


def test_what_happens_all_the_time_is_no_news() -> None:
    assert is_quiet(sample(e.Marked))
    assert not is_quiet(sample(e.FillRecorded))
