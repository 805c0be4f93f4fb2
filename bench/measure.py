"""What every bench needs: percentiles, an aligned table with its aims, and the same as JSON."""

import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure; `ratio` compares it with what was measured beside it in the same run."""

    name: str
    value: float
    unit: str
    ratio: float | None = None
    against: str = ""
    aim: str = ""


def percentile(samples: Sequence[float], share: float) -> float:
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, math.ceil(share * len(ordered)) - 1)]


def seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def report(results: Sequence[Result]) -> None:
    """Print the table, or JSON if the command line says --json."""
    if "--json" in sys.argv:
        print(json.dumps([asdict(result) for result in results], indent=1))
        return
    for result in results:
        compared = "" if result.ratio is None else f"{result.ratio:6.2f} x {result.against}"
        aim = f"  aim {result.aim}" if result.aim else ""
        print(f"{result.name:<52}{result.value:12,.3f} {result.unit:<10}{compared:<26}{aim}".rstrip())
