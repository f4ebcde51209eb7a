# SPDX-License-Identifier: LGPL-2.1-or-later
"""The kernels of kernels.yaml.  As a program: prints LINE PACKAGE FLAVOUR SUITE... of each."""

import fnmatch
import re
import sys
from pathlib import Path

from matrix.common import HOME, Trouble, keys, load, text, texts


def read(path: Path = HOME / "kernels.yaml") -> list[dict]:
    document = keys("kernels.yaml", load(path, "overmount.matrix-kernels/1"),
                    {"schema", "kernels"})
    lines = set()
    for entry in document["kernels"]:
        keys("kernels.yaml", entry, {"line", "flavour", "suites"}, {"package"})
        line = text("line", entry["line"])
        # They become names of files, and words for the shell.
        entry.setdefault("package", line)
        for word in (line, text("package", entry["package"]),
                     text("flavour", entry["flavour"]),
                     *texts("suites", entry["suites"])):
            if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", word):
                raise Trouble("kernels.yaml", "use", word, "only a-z, 0-9, dot and dash")
        if line in lines:
            raise Trouble("line", "use", line, "it is there twice")
        lines.add(line)
    return document["kernels"]


def select(patterns: list[str], lines: list[str]) -> list[str]:
    """The lines that match one of the patterns ('5.10,7.*'), in their own order."""
    if not patterns:
        return lines
    found = set()
    for pattern in ",".join(patterns).split(","):
        matching = fnmatch.filter(lines, pattern)
        if not matching:
            raise Trouble("--kernels", "use", pattern,
                          f"no kernel is called so; there are {' '.join(lines)}")
        found.update(matching)
    return [line for line in lines if line in found]


def main() -> int:
    try:
        for entry in read():
            print(entry["line"], entry["package"], entry["flavour"], *entry["suites"])
    except Trouble as e:
        print(f"kernels.yaml: {e}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
