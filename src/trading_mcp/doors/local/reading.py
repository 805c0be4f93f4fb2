"""Questions of the command line, answered from one moment's reading; nothing here changes anything."""

from __future__ import annotations

from trading_mcp.core.ports import Journal
from trading_mcp.desk import limits, past, queries
from trading_mcp.desk.answers import Answer
from trading_mcp.desk.setups import setup_of
from trading_mcp.doors.local import requests as r

READS = (
    r.Status,
    r.Portfolio,
    r.Orders,
    r.Proposals,
    r.Pairs,
    r.PolicyShow,
    r.PolicyDiff,
    r.Setup,
    r.Why,
    r.AuditTail,
    r.AuditShow,
)
Read = (
    r.Status
    | r.Portfolio
    | r.Orders
    | r.Proposals
    | r.Pairs
    | r.PolicyShow
    | r.PolicyDiff
    | r.Setup
    | r.Why
    | r.AuditTail
    | r.AuditShow
)


def answer(request: Read, read: queries.Reader, journal: Journal) -> Answer:
    """Answer one question."""
    match request:
        case r.Status():
            return queries.status(read)
        case r.Portfolio():
            return queries.portfolio(read)
        case r.Orders(pair=pair, ended=ended, limit=limit):
            return queries.orders(read, pair=pair, ended=ended, limit=limit)
        case r.Proposals():
            return queries.proposals(read)
        case r.Pairs(limit=limit):
            return queries.pairs(read, limit)
        case r.PolicyShow(key=key):
            return limits.policy(read, key)
        case r.PolicyDiff(text=text):
            return limits.difference(read.book.policy, text)
        case r.Setup():
            return setup_of(read.book)
        case r.Why(subject=subject):
            return past.why(subject, read.book, journal)
        case r.AuditTail(count=count, since=since, all=everything):
            return past.tail(journal, count, since=since, is_quiet_shown=everything)
        case r.AuditShow(seq=seq):
            return past.show(journal, seq)
