"""Change limits and algorithms: what only tightens happens at once, everything else waits for a person."""

from typing import Final

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.commands import ChangePolicy, SetAlgorithm
from trading_mcp.core.domain.events import (
    AlgorithmSet,
    AnyEvent,
    MandateIssued,
    PolicyChanged,
    ProposalEnded,
    Released,
)
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.latches import Scope, ScopeKind, TradingState
from trading_mcp.core.domain.mandates import Algorithm, Mandate
from trading_mcp.core.domain.market import Market
from trading_mcp.core.domain.money import is_amount, lesser
from trading_mcp.core.domain.orders import EXTERNAL, MANUAL, Door
from trading_mcp.core.domain.policy import Policy
from trading_mcp.core.domain.proposals import (
    ProposalBody,
    ProposalEnd,
    ProposedMandate,
    ProposedOrder,
    ProposedPolicy,
)
from trading_mcp.core.domain.tallies import ACCOUNT_TALLY
from trading_mcp.core.guardrails.asking import opened
from trading_mcp.core.guardrails.direction import DeltaMismatch, apply, is_tightening
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.fields import is_book, is_name, is_pair
from trading_mcp.core.guardrails.marks import void_mandate
from trading_mcp.core.guardrails.resting import review_resting, take_back

# Each is valued at every mark and never forgotten, since its losses are not; a list of pairs is read by people.
ALGORITHMS_MAX: Final = 200
PAIRS_MAX: Final = 500
VENUES_MAX: Final = 20
VERSION_LENGTH_MAX: Final = 200


def change(command: ChangePolicy, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Tighten at once, whoever asks; propose everything else."""
    draft = Draft(book, facts)
    changed = apply(book.policy, command.deltas)
    if not isinstance(changed, Policy):
        if isinstance(changed, DeltaMismatch):
            reason = f"{changed.key} is {changed.actual}, not {changed.expected}"
        else:
            reason = changed.reason
        draft.refuse("change", command.id, reason)
    elif all(is_tightening(delta) for delta in command.deltas):
        draft.emit(PolicyChanged(at=facts.now, policy=changed, deltas=command.deltas))
        review_resting(draft, lambda _: True)
    else:
        _propose(
            draft,
            command.id,
            ProposedPolicy(deltas=command.deltas),
            command.door,
            command.client,
            command.reason,
        )
    return tuple(draft.events)


def _propose(draft: Draft, subject: str, body: ProposalBody, door: Door, client: str, reason: str) -> None:
    """Open a proposal for a change, as long as not too many wait."""
    waiting = sum(not isinstance(item.body, ProposedOrder) for item in draft.book.proposals.values())
    most = draft.policy.account.changes_open_max
    if not waiting + 1 <= most:
        draft.refuse("change", subject, f"{waiting} changes wait for the owner; at most {most} may")
        return
    proposal_id = f"change/{subject}"
    if proposal_id in draft.book.proposals or proposal_id in draft.book.changes:
        draft.refuse("change", subject, "a change of that name waits already")
        return
    life = draft.policy.account.proposal_change_life
    draft.emit(opened(proposal_id, body, at=draft.now, life=life, door=door, client=client, reason=reason))


def set_algorithm(command: SetAlgorithm, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Create, edit, enable or disable; whatever changes what a mandate names ends that mandate."""
    draft = Draft(book, facts)
    wanted = replace(command.algorithm, mandate=None)
    name = wanted.name
    before = book.algorithms.get(name)
    if not _is_plain(wanted):
        draft.refuse("algorithm", name, "its name, capital or pairs are not well formed")
        return tuple(draft.events)
    if before is None and len(book.algorithms) >= ALGORITHMS_MAX:
        draft.refuse("algorithm", name, f"there are {ALGORITHMS_MAX} algorithms already")
        return tuple(draft.events)
    unchanged = before is not None and before.mandate is not None and _named(before) == _named(wanted)
    if unchanged and before is not None:
        draft.emit(AlgorithmSet(at=facts.now, algorithm=replace(wanted, mandate=before.mandate)))
        return tuple(draft.events)
    if before is not None and before.mandate is not None:
        void_mandate(draft, name, "it was edited or switched off")
    draft.emit(AlgorithmSet(at=facts.now, algorithm=wanted))
    for working in tuple(draft.book.working.values()):
        if working.order.book == name and not working.order.reduces and not working.cancel_reason:
            take_back(draft, working, f"{name} was edited or switched off")
    if not wanted.enabled:
        return tuple(draft.events)
    scope = Scope(kind=ScopeKind.ALGORITHM, name=name)
    is_latched = any(latch.scope == scope for latch in draft.book.latches.values())
    if is_latched and not book.home.mode.is_guarded and command.door in (Door.CLI, Door.WEB):
        # Where no money is real, a person who switches a losing algorithm on again has said enough.
        draft.emit(
            Released(at=facts.now, scope=scope, target=TradingState.ACTIVE, nonce=f"enable/{name}/{facts.now}")
        )
    mandate = mandate_for(wanted, draft)
    if draft.policy.account.mandate_signed:
        _void_older(draft, name)
        _propose(draft, f"mandate/{name}/{facts.now}", ProposedMandate(mandate=mandate), command.door, "", "")
    else:
        draft.emit(MandateIssued(at=facts.now, mandate=mandate))
    return tuple(draft.events)


def _void_older(draft: Draft, name: str) -> None:
    """End what still waits for a signature on an algorithm as it was before, so that edits never fill the queue."""
    for key, proposal in sorted(draft.book.proposals.items()):
        if isinstance(proposal.body, ProposedMandate) and proposal.body.mandate.algorithm == name:
            ended = ProposalEnded(at=draft.now, proposal_id=key, end=ProposalEnd.VOIDED, reason=f"{name} was edited")
            draft.emit(ended)


def _is_plain(algorithm: Algorithm) -> bool:
    name = algorithm.name
    name_ok = is_book(name) and name.replace("-", "").replace("_", "").isalnum()
    is_free = name not in (MANUAL, EXTERNAL, ACCOUNT_TALLY)
    is_placed = 0 < len(algorithm.venues) <= VENUES_MAX and all(map(is_name, algorithm.venues))
    is_placed = is_placed and len(algorithm.pairs) <= PAIRS_MAX and all(map(is_pair, algorithm.pairs))
    is_placed = is_placed and len(algorithm.version) <= VERSION_LENGTH_MAX
    return name_ok and is_free and is_placed and is_amount(algorithm.capital)


def _named(algorithm: Algorithm) -> tuple[object, ...]:
    return (algorithm.version, algorithm.pairs, algorithm.venues, algorithm.capital, algorithm.enabled)


def mandate_for(algorithm: Algorithm, draft: Draft) -> Mandate:
    """Return the widest leave the policy allows; no bound of it is looser than a limit."""
    policy, account = draft.policy, draft.policy.account
    markets = {Market.CRYPTO if "-" in pair else Market.STOCKS for pair in algorithm.pairs}
    order_max = max((policy.limits(market).order_notional_max for market in markets), default=algorithm.capital)
    measure = draft.book.measures.get(f"algorithm/{algorithm.name}")
    return Mandate(
        algorithm=algorithm.name,
        version=algorithm.version,
        venues=algorithm.venues,
        pairs=algorithm.pairs,
        capital=algorithm.capital,
        order_notional_max=lesser(order_max, algorithm.capital),
        orders_day_max=account.orders_day_algorithm_max,
        loss_max=account.drawdown_high_water_max * algorithm.capital,
        issued_at=draft.now,
        value_at_issue=algorithm.capital if measure is None else measure.value,
        expires_at=draft.now + account.mandate_life_max if account.mandate_signed else None,
    )
