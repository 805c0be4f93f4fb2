"""What is remembered by days is found again, and remembering copies today's memories alone."""

from trading_mcp.core.domain.market import DAY
from trading_mcp.core.domain.recall import RECALL_DAYS, recall, remember


def test_remembering_copies_today_alone() -> None:
    before = {1: {"a": 1}, 2: {"b": 2}}
    after = remember(before, "c", 3, 2 * DAY)
    assert after == {1: {"a": 1}, 2: {"b": 2, "c": 3}}
    assert after[1] is before[1]
    assert before == {1: {"a": 1}, 2: {"b": 2}}


def test_of_one_key_the_newest_memory_is_found_even_after_a_clock_that_stepped_back() -> None:
    memories = remember({3: {"a": 1}}, "a", 2, 2 * DAY)
    assert [*memories] == [2, 3]
    assert recall(memories, "a") == 2
    assert recall(memories, "b") is None


def test_so_many_days_are_remembered_and_no_more() -> None:
    memories: dict[int, dict[str, int]] = {}
    for day in range(RECALL_DAYS + 2):
        memories = remember(memories, f"k{day}", day, day * DAY)
    assert [*memories] == [*range(2, RECALL_DAYS + 2)]
