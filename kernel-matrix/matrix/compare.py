# SPDX-License-Identifier: LGPL-2.1-or-later
"""kernel-matrix/compare: what is otherwise in B than in A, in words."""

import argparse
import sys
from pathlib import Path

from matrix import judge, report
from matrix.common import Trouble
from matrix.run import record_of


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="kernel-matrix/compare", allow_abbrev=False,
        description="Compares two runs, or two kernels, cell by cell: what is otherwise in B "
                    "than in A.",
        epilog="Exit status: 0 nothing got worse, 1 something did, 2 it cannot be compared.")
    parser.add_argument("a", metavar="A", help="the results of a run (a directory or its "
                        "results.json); with :KERNEL behind, one kernel of it")
    parser.add_argument("b", metavar="B", help="likewise")
    return parser.parse_args()


def sides(a: str, b: str) -> list[tuple[str, dict, str, dict]]:
    """The kernels to compare with one another: NAME, KERNEL, NAME, KERNEL."""
    (first, its), (second, other) = named(a), named(b)
    if first and second:
        return [(first, its[first], second, other[second])]
    if first or second:
        raise Trouble("A and B", "compare", f"{a} {b}", "name a kernel of both, or of neither")
    both = [name for name in its if name in other]
    if not both:
        raise Trouble("A and B", "compare", f"{a} {b}", "they have no kernel in common")
    return [(name, its[name], name, other[name]) for name in both]


def named(side: str) -> tuple[str, dict[str, dict]]:
    path, kernel = side, ""
    if not Path(side).exists() and ":" in side:
        path, _, kernel = side.rpartition(":")
    found = {k["kernel"]: k for k in report.read(Path(path))["kernels"]}
    if kernel and kernel not in found:
        raise Trouble("kernel", "find", kernel, f"{path} has {', '.join(found)}")
    return kernel, found


def compare(before: dict, after: dict) -> list[tuple[str, judge.Difference]]:
    """The differences of two kernels, each with its cell."""
    its = {c["cell"]: c for c in before["cells"]}
    result = []
    for cell in after["cells"]:
        if cell["cell"] in its:
            result += [(cell["cell"], d) for d in judge.differences(
                record_of(before, its[cell["cell"]]), record_of(after, cell))]
    return result


def grouped(found: list[tuple[str, judge.Difference]]) -> list[tuple[judge.Difference, list[str]]]:
    """Each difference once, with all cells that have it; the worst first."""
    order = (judge.REGRESSION, judge.CHANGE, judge.IMPROVEMENT)
    groups: dict[judge.Difference, list[str]] = {}
    for cell, difference in found:
        groups.setdefault(difference, []).append(cell)
    return sorted(groups.items(), key=lambda g: order.index(g[0].kind))


def main() -> int:
    args = arguments()
    worse = 0
    for name, before, other, after in sides(args.a, args.b):
        found = compare(before, after)
        title = name if name == other else f"{name} → {other}"
        print(f"{title}: {len(found)} differences"
              if found else f"{title}: no difference")
        for difference, cells in grouped(found):
            print(f"  {difference}")
            print(f"      in {len(cells)} cells: {' '.join(cells[:4])}"
                  + (" …" if len(cells) > 4 else ""))
            worse += difference.kind == judge.REGRESSION
    return 1 if worse else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        print(f"kernel-matrix/compare: {trouble}", file=sys.stderr)
        sys.exit(2)
