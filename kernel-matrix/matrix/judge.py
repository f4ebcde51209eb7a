# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verdicts: what was seen of a cell, against what holds everywhere and what is expected.

PASS    as it should be
FAIL    the kernel, or overmount on it, did otherwise
SKIP    it cannot be tried on this kernel
MISS    the machine did not come up, or ended before the cell did
ERROR   the test itself broke
"""

from collections import Counter
from dataclasses import dataclass

from matrix.guest import Seen

VERDICTS = ("PASS", "FAIL", "SKIP", "MISS", "ERROR")
REGRESSION, IMPROVEMENT, CHANGE = "regression", "improvement", "change"

# Higher is better.
STATES = {"unknown": 0, "no": 0, "yes": 1}
OUTCOMES = {"failed": 0, "refused": 1, "applied": 2}
# What overlay.module is for each value of the axis.
MODULE = {"absent": "missing", "blacklisted": "blacklisted", "loadable": "loadable"}
STRATEGIES = {"refuse": 0, "mimic": 1, "overlay": 2, "plain": 3}


@dataclass(frozen=True)
class Difference:
    kind: str
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


def invariants(seen: Seen) -> list[str]:
    """What is wrong on any kernel, in words."""
    wrong = []
    for name, details in seen.failures.items():
        wrong.append(name + (f": {details[0]}" if details else ""))
    for strategy, outcome in seen.outcomes.items():
        if outcome.startswith("failed"):
            wrong.append(f"{strategy}: apply {outcome}: {seen.words[strategy]}")
    if "applied" not in seen.outcomes.values():
        wrong.append("no strategy could be applied")
    return wrong


def failing(seen: Seen) -> list[str]:
    """Names of what is wrong on any kernel, for the expectation."""
    names = list(seen.failures)
    names += [f"{s}.apply" for s, o in seen.outcomes.items() if o.startswith("failed")]
    if "applied" not in seen.outcomes.values():
        names.append("applied")
    return names


def broken(axes: dict[str, str], seen: Seen) -> str:
    """Is the cell what it claims to be?  If not, the test is wrong, whatever it found."""
    if not seen.facts or not seen.outcomes:
        return "" if seen.failures else "it has no facts or no outcomes"
    if axes["overlay"] in ("absent", "blacklisted") and seen.outcomes.get("overlay") == "applied":
        return f"overlay is {axes['overlay']}, and an overlay was mounted"
    module = seen.facts.get("overlay.module", "unknown")
    if axes["overlay"] != "loaded" and MODULE[axes["overlay"]] not in module.split(": "):
        return f"overlay is {axes['overlay']}, and overlay.module is {module}"
    hidden = {"4.4": "mount-api.open-tree", "4.15": "mount-api.open-tree", "5.4": "openat2"}
    fact = hidden.get(axes["surface"])
    if fact and seen.facts.get(fact) == "yes":
        return f"the surface is that of {axes['surface']}, and {fact} is there"
    label = seen.facts.get("apparmor.unconfined", "missing")
    if axes["lsm"] == "confined" and "overmount-matrix" not in label:
        return f"it is not confined: apparmor.unconfined is {label}"
    return ""


def record(seen: Seen) -> dict:
    """What is remembered of a cell, as plain data."""
    if seen.error:
        return {"came": "broken", "why": seen.error}
    if seen.skip:
        return {"came": "skipped", "why": seen.skip}
    return {"came": "tried", "outcomes": dict(seen.outcomes), "plan": dict(seen.plan),
            "denied": dict(sorted(seen.denied.items())), "fails": sorted(failing(seen)),
            "facts": dict(seen.facts)}


def common(facts: list[dict[str, str]]) -> dict[str, str]:
    """What most of the cells say; of what is said equally often, the first."""
    counts: dict[str, Counter] = {}
    for each in facts:
        for name, state in each.items():
            counts.setdefault(name, Counter())[state] += 1
    return {name: count.most_common(1)[0][0] for name, count in counts.items()}


def without(facts: dict[str, str], base: dict[str, str]) -> dict[str, str]:
    """The facts that are otherwise than the base; what is missing is 'missing'."""
    other = {n: s for n, s in facts.items() if base.get(n) != s}
    return other | {n: "missing" for n in base if n not in facts}


def within(other: dict[str, str], base: dict[str, str]) -> dict[str, str]:
    """The inverse of without()."""
    return {n: s for n, s in (base | other).items() if s != "missing"}


def _rank(table: dict[str, int], before: str, after: str) -> str:
    a, b = table.get(before, -1), table.get(after, -1)
    return REGRESSION if b < a else IMPROVEMENT if b > a else CHANGE


def _state(fact: str) -> str:
    return fact.partition(":")[0]


def differences(before: dict, after: dict, evidence: dict[str, str] | None = None
                ) -> list[Difference]:
    """What is otherwise in the second record of a cell than in the first, in words."""
    if before["came"] != after["came"]:
        kind = IMPROVEMENT if after["came"] == "tried" else REGRESSION
        why = after.get("why") or before.get("why")
        return [Difference(kind, f"was {before['came']}, is {after['came']}"
                           + (f": {why}" if why else ""))]
    if after["came"] != "tried":
        return []
    found = _differing_facts(before["facts"], after["facts"], evidence or {})
    for strategy in sorted(set(before["outcomes"]) | set(after["outcomes"])):
        was, now = (r["outcomes"].get(strategy, "not tried") for r in (before, after))
        if was != now:
            kind = _rank(OUTCOMES, was.split()[0], now.split()[0])
            found.append(Difference(kind, f"{strategy} was {was}, is {now}"))
    found += _differing_plan(before["plan"], after["plan"])
    for name in sorted(set(before["denied"]) | set(after["denied"])):
        was, now = (r["denied"].get(name, 0) for r in (before, after))
        if was != now:
            found.append(Difference(REGRESSION if now > was else IMPROVEMENT,
                                    f"AppArmor denied {name} {was} times, now {now} times"))
    for name in sorted(set(before["fails"]) ^ set(after["fails"])):
        if name in after["fails"]:
            found.append(Difference(REGRESSION, f"{name} went well, does not"))
        else:
            found.append(Difference(IMPROVEMENT, f"{name} went wrong, goes well"))
    return found


def _differing_facts(before: dict, after: dict, evidence: dict[str, str]) -> list[Difference]:
    found = []
    for name in sorted(set(before) | set(after)):
        was, now = before.get(name, "missing"), after.get(name, "missing")
        if was != now:
            why = f" ({evidence[name]})" if evidence.get(name) else ""
            found.append(Difference(_rank(STATES, _state(was), _state(now)),
                                    f"fact {name} was {was}, is {now}{why}"))
    return found


def _differing_plan(before: dict, after: dict) -> list[Difference]:
    was = {t: choice for choice, targets in before.items() for t in targets}
    now = {t: choice for choice, targets in after.items() for t in targets}
    changes: dict[tuple[str, str], list[str]] = {}
    for target in was | now:
        pair = was.get(target, "nothing"), now.get(target, "nothing")
        if pair[0] != pair[1]:
            changes.setdefault(pair, []).append(target)
    return [Difference(_rank(STRATEGIES, a.split()[0], b.split()[0]),
                       f"the plan for {', '.join(sorted(targets))} was {a}, is {b}")
            for (a, b), targets in sorted(changes.items())]


def judge(axes: dict[str, str], seen: Seen, expected: dict | None,
          explained: dict[str, str]) -> tuple[str, list[str]]:
    """The verdict on a cell that ended, and why.

    expected is the record of the cell on such a kernel, if there is one; explained says why
    something that should hold everywhere does not hold there.
    """
    if seen.error:
        return "ERROR", [seen.error, *seen.details]
    now = record(seen)
    if seen.skip:
        found = differences(expected, now) if expected else []
        return ("FAIL" if found else "SKIP"), [*map(str, found), seen.skip]
    wrong = broken(axes, seen)
    if wrong:
        return "ERROR", [wrong]
    words = []
    found = differences(expected, now, seen.evidence) if expected else []
    unexplained = [name for name in failing(seen) if name not in explained]
    for wrong, name in zip(invariants(seen), failing(seen)):
        words.append(f"{wrong} (expected: {explained[name]})" if name in explained else wrong)
    bad = unexplained or any(d.kind != IMPROVEMENT for d in found)
    return ("FAIL" if bad else "PASS"), [*map(str, found), *words]
