"""What the desk tells when it is asked: plain values, with every amount as text, the same for every door."""

import msgspec


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; times are microseconds since the epoch, amounts are plain decimals or empty where not known."""


class FindingShown(Answer, frozen=True, kw_only=True):
    """One objection as it was recorded."""

    code: str
    outcome: str
    reason: str
    limit: str = ""
    actual: str = ""
    would_pass: str = ""


class LatchShown(Answer, frozen=True, kw_only=True):
    """Why trading is restricted, where, and since when."""

    scope: str
    state: str
    code: str
    reason: str
    at: int


class NoticeShown(Answer, frozen=True, kw_only=True):
    """What the owner was told while nobody looked, and when."""

    at: int
    subject: str
    text: str


class VenueShown(Answer, frozen=True, kw_only=True):
    """One venue as the desk sees it."""

    name: str
    mode: str
    feed: str
    reconciled: bool
    simulated: bool


class AlgorithmShown(Answer, frozen=True, kw_only=True):
    """One algorithm in a list."""

    name: str
    enabled: bool
    capital: str
    pairs: tuple[str, ...]


class StatusAnswer(Answer, frozen=True, kw_only=True):
    """How the desk stands: what it may do now, what it may not, and why."""

    home: str
    mode: str
    state: str
    latches: tuple[LatchShown, ...]
    blocked: tuple[str, ...]
    gap: str
    version: str
    started_at: int
    equity: str
    currency: str
    venues: tuple[VenueShown, ...]
    orders_working: int
    orders_unknown: int
    proposals_open: int
    positions: int
    algorithms: tuple[AlgorithmShown, ...]
    journal_entries: int
    journal_head: str
    approver: str
    notes: tuple[str, ...] = ()
    notices: tuple[NoticeShown, ...] = ()


class CashShown(Answer, frozen=True, kw_only=True):
    """Cash at a venue, and what it is worth."""

    venue: str
    asset: str
    amount: str
    worth: str


class PositionShown(Answer, frozen=True, kw_only=True):
    """One position, its profit so far, and what guards it."""

    book: str
    venue: str
    pair: str
    quantity: str
    average: str
    price: str
    worth: str
    unrealised: str
    realised: str
    fees: str
    stop: str = ""
    target: str = ""
    trail: str = ""
    kept: str = ""
    closing: bool = False


class PortfolioAnswer(Answer, frozen=True, kw_only=True):
    """What is held and what it is worth."""

    equity: str
    currency: str
    day_result: str
    exposure: str
    exposure_share: str
    missing_price: str
    cash: tuple[CashShown, ...]
    positions: tuple[PositionShown, ...]
    left_out: int


class OrderShown(Answer, frozen=True, kw_only=True):
    """One order, working or ended."""

    id: str
    intent_id: str
    book: str
    venue: str
    pair: str
    side: str
    type: str
    purpose: str
    state: str
    quantity: str
    filled: str
    limit_price: str
    stop_price: str
    reserved: str
    at: int
    since: int


class OrdersAnswer(Answer, frozen=True, kw_only=True):
    """Orders, newest first."""

    orders: tuple[OrderShown, ...]
    left_out: int


class ProposalShown(Answer, frozen=True, kw_only=True):
    """One thing that waits for a person; `reason` is the asker's own words."""

    id: str
    kind: str
    about: str
    door: str
    client: str
    reason: str
    opened_at: int
    expires_at: int
    effective_at: int
    findings: tuple[FindingShown, ...] = ()


class ProposalsAnswer(Answer, frozen=True, kw_only=True):
    """What waits for a person."""

    proposals: tuple[ProposalShown, ...]
    left_out: int


class PairShown(Answer, frozen=True, kw_only=True):
    """One pair that is offered: whether it may be traded, and its prices."""

    pair: str
    market: str
    venue: str
    active: bool
    why_not: str
    bid: str
    ask: str
    open: bool


class PairsAnswer(Answer, frozen=True, kw_only=True):
    """What the venues offer, and what of it the policy approves."""

    pairs: tuple[PairShown, ...]
    left_out: int


class LimitShown(Answer, frozen=True, kw_only=True):
    """One key of the policy, what it comes to now, and how often its kind of objection was made, in any market."""

    key: str
    used: str = ""
    triggered: int = 0
    value: str
    effective: str
    binds: str
    sentence: str
    direction: str


class UseShown(Answer, frozen=True, kw_only=True):
    """How much of a countable limit is used."""

    limit: str
    used: str
    allowed: str


class PolicyAnswer(Answer, frozen=True, kw_only=True):
    """The limits in force and their use."""

    name: str
    hash: str
    equity: str
    limits: tuple[LimitShown, ...]
    used: tuple[UseShown, ...]
    triggered: dict[str, int]
    infeasible: tuple[str, ...]


class ChangeShown(Answer, frozen=True, kw_only=True):
    """One key that would differ."""

    key: str
    before: str
    after: str
    turn: str
    at_once: bool


class EffectShown(Answer, frozen=True, kw_only=True):
    """One key that is to change: its value and what it comes to, before and after, and the key that binds then."""

    key: str
    before: str
    after: str
    effective_before: str
    effective_after: str
    binds: str
    sentence: str
    at_once: bool


class DiffAnswer(Answer, frozen=True, kw_only=True):
    """What a policy file would change."""

    changes: tuple[ChangeShown, ...]


class EntryShown(Answer, frozen=True, kw_only=True):
    """One entry of the journal."""

    seq: int
    at: int
    kind: str
    text: str
    event: dict[str, object]
    hash: str


class EntriesAnswer(Answer, frozen=True, kw_only=True):
    """Entries, oldest first; go on after `next_since`, which is 0 at the end."""

    entries: tuple[EntryShown, ...]
    next_since: int


class LinesAnswer(Answer, frozen=True, kw_only=True):
    """Entries as the lines of an export; go on after `next_since`, which is 0 at the end."""

    lines: tuple[str, ...]
    next_since: int


class WhyAnswer(Answer, frozen=True, kw_only=True):
    """A decision as it was recorded: the intent, the verdict with its findings, and what became of it."""

    seq: int
    at: int
    kind: str
    subject: str
    outcome: str
    policy: str
    findings: tuple[FindingShown, ...]
    status: str
    text: str
    event: dict[str, object]


class VerifiedAnswer(Answer, frozen=True, kw_only=True):
    """How far the journal holds."""

    holds: bool
    entries: int
    checkpoints: int
    head: str
    broken_at: int
    reason: str
    anchor: str

    @property
    def is_sound(self) -> bool:
        """Whether the entries hold and nothing that is kept beside them says otherwise."""
        return self.holds and not self.anchor


class TradeAnswer(Answer, frozen=True, kw_only=True):
    """What became of an intent, in one of the eleven words."""

    status: str
    intent_id: str
    order_id: str
    quantity: str
    filled: str
    average: str
    fee: str
    proposal_id: str
    findings: tuple[FindingShown, ...]
    seq: int
    retry_safe: bool
    next_step: str


class DoneAnswer(Answer, frozen=True, kw_only=True):
    """What a command other than a trade has done, in sentences, with the entries it caused."""

    done: bool
    sentences: tuple[str, ...]
    seqs: tuple[int, ...]
    proposal_id: str = ""
    next_step: str = ""


class ScreenAnswer(Answer, frozen=True, kw_only=True):
    """What a person sees before signing, and exactly what would be signed; no statement if there is nothing to."""

    lines: tuple[str, ...]
    statement: str
    reason: str
