"""Judge an intent and do what the verdict says: clear it, ask a person, or leave it denied."""

from msgspec.structs import replace

from trading_mcp.core.domain.book import Book
from trading_mcp.core.domain.closing import Stage
from trading_mcp.core.domain.commands import Execute, LookAgain
from trading_mcp.core.domain.events import AnyEvent, ClearanceVoided, IntentSized, OrderSending
from trading_mcp.core.domain.facts import Facts
from trading_mcp.core.domain.orders import EXTERNAL, Door, Intent, OrderState, Purpose, Working
from trading_mcp.core.domain.portfolio import position_key
from trading_mcp.core.domain.verdict import Code, Finding, Outcome, Verdict
from trading_mcp.core.guardrails import closing
from trading_mcp.core.guardrails.asking import proposed, too_many_open
from trading_mcp.core.guardrails.case import Case, case_of
from trading_mcp.core.guardrails.clearing import cleared, judged
from trading_mcp.core.guardrails.draft import Draft
from trading_mcp.core.guardrails.fields import problem_of
from trading_mcp.core.guardrails.finding import deny, span
from trading_mcp.core.guardrails.fit import fit
from trading_mcp.core.guardrails.gate import judge
from trading_mcp.core.guardrails.marks import is_marked, mark_now
from trading_mcp.core.guardrails.resting import objection
from trading_mcp.core.guardrails.route import route


def execute(command: Execute, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Decide one intent; the same id with the same content decides nothing a second time."""
    intent = command.intent
    record = book.intent(intent.id)
    if record is not None and not problem_of(intent, facts.now) and record.intent == intent:
        return ()
    claim = _claim_of(intent)
    if claim:
        case = case_of(intent, book, facts, book.policy, None)
        return (judged(case, with_denial(judge(case), deny(Code.FIELD_INVALID, claim))),)
    before: tuple[AnyEvent, ...] = ()
    if not is_marked(book, facts, intent):
        # What the day opened with is recorded before the first order that could change it.
        draft = Draft(book, facts)
        mark_now(draft)
        book, before = draft.book, tuple(draft.events)
    venue = route(intent, book, facts, book.policy)
    case = case_of(intent, book, facts, book.policy, venue)
    sized = fit(case)
    if sized is not None:
        if sized.objection is None:
            case = case_of(intent, book, facts, book.policy, venue, size=sized.given)
        before = (
            *before,
            IntentSized(
                at=facts.now,
                intent_id=intent.id,
                wanted=sized.wanted,
                given=sized.given,
                binding=sized.binding,
            ),
        )
    verdict = judge(case)
    if sized is not None and sized.objection is not None:
        verdict = with_denial(verdict, sized.objection)
    if verdict.outcome is Outcome.ALLOW:
        if case.reduces:
            return (*before, *_reduce(case, verdict, book, facts))
        return (*before, judged(case, verdict), cleared(case, 0))
    if verdict.outcome is Outcome.ASK:
        full = too_many_open(book, intent)
        if full is None:
            return (*before, judged(case, verdict), proposed(case, verdict))
        verdict = with_denial(verdict, full)
    return (*before, judged(case, verdict))


def _claim_of(intent: Intent) -> str:
    """Return what an intent from outside says about itself that only the desk may say."""
    if intent.door is Door.DESK or intent.purpose is not Purpose.TRADE or "/" in intent.id:
        return "only the desk itself closes and protects positions: a position is ended with the close command"
    if intent.book == EXTERNAL:
        return "what the desk did not make is ended with the close command"
    return ""


def with_denial(verdict: Verdict, finding: Finding) -> Verdict:
    """Add a denial that comes from outside the rules."""
    return replace(verdict, outcome=Outcome.DENY, findings=(*verdict.findings, finding))


def _reduce(case: Case, verdict: Verdict, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Send an exit at once, or first free what a protective order holds of the position."""
    intent, venue, quantity = case.intent, case.venue, case.quantity
    assert venue is not None, "an allowed order has a venue"  # noqa: S101 - us being wrong
    assert quantity is not None, "an allowed order has a quantity"  # noqa: S101 - us being wrong
    key = position_key(intent.book, venue, intent.pair)
    under_way = book.closings.get(key)
    if under_way is not None and (under_way.purpose is not Purpose.TRADE or under_way.stage is Stage.CANCELLING):
        leaving = deny(
            Code.REDUCE_WOULD_FLIP,
            f"{intent.book} is leaving {intent.pair} already",
            limit="one close at a time",
            actual=f"{under_way.intent.id} is under way",
            would_pass="the same order once that has ended",
        )
        return (judged(case, with_denial(verdict, leaving)),)
    draft = Draft(book, facts)
    if not any(item.order.purpose is Purpose.PROTECTION for item in closing.claims(draft, key, intent.side)):
        return (judged(case, verdict), cleared(case, 0))
    draft.emit(judged(case, verdict))
    closing.begin(draft, key, intent, quantity)
    return tuple(draft.events)


def look_again(command: LookAgain, book: Book, facts: Facts) -> tuple[AnyEvent, ...]:
    """Look once more before the wire; an exit that is voided is judged again at once."""
    working = book.working.get(command.order_id)
    if working is None or working.state is not OrderState.CLEARED:
        return ()
    finding = _void_reason(working, book, facts, command.behind)
    if finding is None:
        return (OrderSending(at=facts.now, order_id=command.order_id),)
    draft = Draft(book, facts)
    draft.emit(ClearanceVoided(at=facts.now, order_id=command.order_id, finding=finding))
    if working.order.reduces and finding.code is Code.CLEARANCE_VOID:
        closing.clear_again(draft, working)
    else:
        closing.after_end(draft, replace(working, state=OrderState.VOID))
    return tuple(draft.events)


def _void_reason(working: Working, book: Book, facts: Facts, behind: str) -> Finding | None:
    order = working.order
    if behind:
        return deny(
            Code.CLEARANCE_VOID,
            f"order {behind} of the desk's own works on the other side of {order.pair}",
            limit=f"one side at a time at {order.venue}",
            actual="both sides",
            would_pass="the same intent under a new id, once that order has ended",
        )
    age, most = facts.now - working.since, book.policy.account.clearance_age_max
    if not -most <= age <= most:
        return deny(
            Code.CLEARANCE_VOID,
            "the clearance waited too long for the wire",
            limit=span(most),
            actual=span(abs(age)),
            would_pass="the same intent, judged again",
        )
    if facts.is_halt_file_present and not order.reduces:
        return deny(
            Code.STATE_HALTED,
            "the file HALT stands in the home",
            limit="no HALT file",
            actual="present",
            would_pass="cancels, protection, and a person's close",
        )
    return objection(working, book, facts)
