# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the records that guest/matrix.sh prints; they are described there."""

import json
import re
from dataclasses import dataclass, field

import yaml

# Numbers that depend on the machine, or on what else is mounted.
FLEETING = "limits."


@dataclass
class Seen:
    """What was seen of one cell."""
    skip: str = ""
    error: str = ""
    details: list[str] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)  # STATE, or STATE: VALUE
    evidence: dict[str, str] = field(default_factory=dict)
    plan: dict[str, list[str]] = field(default_factory=dict)  # STRATEGY REASON: targets
    outcomes: dict[str, str] = field(default_factory=dict)  # STRATEGY: what came of it
    words: dict[str, str] = field(default_factory=dict)  # STRATEGY: what overmount said
    checks: dict[str, bool] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)  # CHECK: details
    denied: dict[str, int] = field(default_factory=dict)  # PROFILE OPERATION: how often
    times: dict[str, int] = field(default_factory=dict)  # NAME: microseconds


@dataclass
class Report:
    """What came out of one machine."""
    boot: dict[str, str] = field(default_factory=dict)
    cells: dict[str, Seen] = field(default_factory=dict)  # those that ended
    begun: str = ""  # the cell that began and did not end
    finished: bool = False


class _Parser:
    def __init__(self):
        self.report = Report()
        self.seen = Seen()
        self.facts: list[str] = []
        self.plan: list[str] = []
        self.failing = ""

    def line(self, line: str) -> None:
        kind, *fields = line.split("\t")
        if kind not in RECORDS or (self.report.begun == "") == (kind in IN_CELL):
            raise ValueError(f"not expected: {line[:80]}")
        count = RECORDS[kind]
        # The last field is free text.
        fields = line.split("\t", count)[1:]
        if len(fields) != count:
            raise ValueError(f"{count} fields are wanted: {line[:80]}")
        getattr(self, "on_" + kind)(*fields)

    def on_boot(self, name: str, value: str) -> None:
        self.report.boot[name] = value

    def on_finished(self) -> None:
        self.report.finished = True

    def on_cell(self, name: str) -> None:
        self.report.begun = name
        self.seen, self.facts, self.plan, self.failing = Seen(), [], [], ""

    def on_end(self, name: str) -> None:
        if name != self.report.begun:
            raise ValueError(f"{name} ends and {self.report.begun} began")
        try:
            self._facts()
            self._plan()
        except (yaml.YAMLError, ValueError, KeyError, TypeError) as e:
            self.seen.error = "what overmount printed is not understood: " + " ".join(
                str(e).split())
        self.report.cells[name] = self.seen
        self.report.begun = ""

    def on_skip(self, reason: str) -> None:
        self.seen.skip = reason

    def on_error(self, reason: str) -> None:
        self.seen.error = reason

    def on_detail(self, words: str) -> None:
        if self.failing:
            self.seen.failures[self.failing].append(words)
        else:
            self.seen.details.append(words)

    def on_facts(self, line: str) -> None:
        self.facts.append(line)

    def on_plan(self, line: str) -> None:
        self.plan.append(line)

    def on_outcome(self, strategy: str, status: str, words: str) -> None:
        reason = re.search(r"\[([a-z-]+)\]$", words)
        self.seen.words[strategy] = words
        if status == "0":
            self.seen.outcomes[strategy] = "applied"
        elif status == "16" and reason:
            self.seen.outcomes[strategy] = f"refused {reason[1]}"
        else:
            self.seen.outcomes[strategy] = f"failed {int(status)}"

    def on_check(self, name: str, result: str) -> None:
        if result not in ("ok", "no"):
            raise ValueError(f"check {name} is neither ok nor no")
        self.seen.checks[name] = result == "ok"
        self.failing = "" if result == "ok" else name
        if self.failing:
            self.seen.failures[name] = []

    def on_time(self, name: str, us: str) -> None:
        self.seen.times[name] = int(us)

    def on_denied(self, profile: str, operation: str, count: str) -> None:
        self.seen.denied[f"{profile} {operation}"] = int(count)

    def _facts(self) -> None:
        if not self.facts:
            return
        document = yaml.safe_load("\n".join(self.facts))
        for name, fact in document["facts"].items():
            value = fact.get("value")
            stable = value is not None and not name.startswith(FLEETING)
            self.seen.facts[name] = fact["state"] + (f": {value}" if stable else "")
            self.seen.evidence[name] = fact.get("evidence", "")

    def _plan(self) -> None:
        if not self.plan:
            return
        document = json.loads("\n".join(self.plan) + ' "steps": [] }')
        for entry in document["entries"]:
            choice = f"{entry['strategy']} {entry['reason']}"
            self.seen.plan.setdefault(choice, []).append(entry["target"])


# How many fields each has.
RECORDS = {"boot": 2, "finished": 0, "cell": 1, "end": 1, "skip": 1, "error": 1, "detail": 1,
           "facts": 1, "plan": 1, "outcome": 3, "check": 2, "time": 2, "denied": 3}
IN_CELL = set(RECORDS) - {"boot", "finished", "cell"}


def parse(text: str) -> Report:
    """What the records say; ValueError if they are not as they should be.

    The last line may be cut short where the machine died.
    """
    parser = _Parser()
    for line in text.split("\n")[:-1]:
        parser.line(line)
    return parser.report
