# SPDX-License-Identifier: LGPL-2.1-or-later
"""A strict reader of KTAP, version 1: whatever the specification does not allow is an error.

As a program: reads a file, and prints one line for each result at the top.
"""

import re
import sys
from dataclasses import dataclass, field

DIRECTIVES = ("SKIP", "TODO", "XFAIL", "TIMEOUT", "ERROR")
RESULT = re.compile(r"(ok|not ok) ([1-9][0-9]*)(?: - | )([^#]*?)(?: # ?(.*))?")


class Malformed(Exception):
    pass


@dataclass
class Result:
    ok: bool
    name: str
    directive: str = ""
    words: str = ""
    subtests: list["Result"] = field(default_factory=list)


class Reader:
    def __init__(self, text: str):
        if not text.endswith("\n"):
            raise Malformed("the last line has no end")
        self.lines = text[:-1].split("\n")
        self.at = 0

    def peek(self) -> str | None:
        return self.lines[self.at] if self.at < len(self.lines) else None

    def fail(self, what: str):
        raise Malformed(f"line {self.at + 1}: {what}: {self.peek()!r}")

    def take(self, pattern: str, what: str) -> re.Match:
        match = re.fullmatch(pattern, self.peek() or "")
        if not match:
            self.fail(f"{what} is wanted")
        self.at += 1
        return match

    def tests(self, depth: int) -> list[Result]:
        """Version, plan, and as many results as planned."""
        indent = "  " * depth
        self.take(indent + "KTAP version 1", "the version")
        planned = int(self.take(indent + r"1\.\.(0|[1-9][0-9]*)", "the plan")[1])
        results: list[Result] = []
        subtests: list[Result] = []
        while (line := self.peek()) is not None and line.startswith(indent):
            body = line[len(indent):]
            if re.search(r"[\x00-\x1f\x7f]", body):
                self.fail("a control character")
            if body.startswith("  KTAP version"):
                if subtests:
                    self.fail("subtests twice before one result")
                subtests = self.tests(depth + 1)
            elif body.startswith("#"):
                self.at += 1
            elif body.startswith(("ok", "not ok")):
                results.append(self.result(body, len(results) + 1, subtests))
                subtests = []
            else:
                self.fail("neither result nor diagnostic")
        if subtests:
            self.fail("subtests without a result")
        if len(results) != planned:
            self.fail(f"{planned} results were planned, {len(results)} came")
        return results

    def result(self, body: str, number: int, subtests: list[Result]) -> Result:
        match = RESULT.fullmatch(body)
        if not match:
            self.fail("no result line")
        if int(match[2]) != number:
            self.fail(f"number {number} is wanted")
        if not match[3].strip():
            self.fail("a test without a name")
        words = match[4] or ""
        directive = words.split(" ")[0] if words.split(" ")[0] in DIRECTIVES else ""
        if match[1] == "ok" and any(not s.ok and s.directive not in ("TODO", "XFAIL")
                                    for s in subtests):
            self.fail("it is ok and a subtest is not")
        self.at += 1
        return Result(match[1] == "ok", match[3], directive,
                      words[len(directive):].strip(), subtests)


def parse(text: str) -> list[Result]:
    reader = Reader(text)
    results = reader.tests(0)
    if reader.peek() is not None:
        reader.fail("something after the end")
    return results


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as f:
        for each in parse(f.read()):
            print("ok" if each.ok else "not ok", each.name, each.directive, each.words)
