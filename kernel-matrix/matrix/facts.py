# SPDX-License-Identifier: LGPL-2.1-or-later
"""kernel-matrix/facts-table: what differs between kernels, from what probe found on them."""

import argparse
import sys
from pathlib import Path

from matrix.common import HOME, Trouble, load

# What depends on how much is in use, or how the probe was called, is not of the kernel.
NOT_OF_THE_KERNEL = {"limits.mounts-left", "overlay.label-app", "lsm.list"}


def read(path: Path) -> dict[str, str]:
    """Fact: STATE, or STATE: VALUE."""
    document = load(path, "overmount.facts/1")
    found = {}
    for name, fact in document["facts"].items():
        state, value = (fact, None) if isinstance(fact, str) else (fact["state"], fact.get("value"))
        found[name] = f"{state}: {value}" if value else state
    return found


def line_key(line: str) -> list[int]:
    """7.10 comes behind 7.9, and 7.3-rc behind 7.3."""
    number, _, more = line.partition("-")
    return [int(part) for part in number.split(".")] + [int(bool(more))]


def recorded() -> dict[str, dict[str, str]]:
    """The kernels of facts/ on which an unconfined process probed, in their order."""
    lines = [p.stem for p in (HOME / "facts").glob("*.yaml")]
    plain = [line for line in lines if line.partition("-")[2] in ("", "rc")]
    return {line: read(HOME / "facts" / f"{line}.yaml") for line in sorted(plain, key=line_key)}


def table(kernels: dict[str, dict[str, str]]) -> str:
    """Markdown: a row for each fact that is not the same on all of them."""
    names = list(dict.fromkeys(name for facts in kernels.values() for name in facts))
    rows = [["fact", *kernels], ["---"] * (1 + len(kernels))]
    for name in names:
        values = [facts.get(name, "–").replace("yes: ", "") for facts in kernels.values()]
        if name not in NOT_OF_THE_KERNEL and len(set(values)) > 1:
            rows.append([name, *values])
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="kernel-matrix/facts-table", allow_abbrev=False,
        description="Prints, as a table in Markdown, the facts that are not the same on all "
                    "kernels.")
    parser.add_argument("files", metavar="FILE", nargs="*", type=Path,
                        help="written by overmount probe --save; without any, those in facts/")
    args = parser.parse_args()
    kernels = {path.stem: read(path) for path in args.files} or recorded()
    print(table(kernels), end="")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        print(f"kernel-matrix/facts-table: {trouble}", file=sys.stderr)
        sys.exit(2)
