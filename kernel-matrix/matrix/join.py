# SPDX-License-Identifier: LGPL-2.1-or-later
"""kernel-matrix/join: makes one document of several, as of the shards of a run."""

import argparse
import sys
from pathlib import Path

from matrix import judge, report
from matrix.common import Trouble


def join(documents: list[dict]) -> dict:
    """All kernels and cells of the documents, in their order; no cell may be there twice."""
    kernels: dict[str, dict] = {}
    for document in documents:
        for each in document["kernels"]:
            into = kernels.setdefault(each["kernel"], {**each, "facts": {}, "cells": []})
            for key in ("release", "version", "packages", "expected"):
                # A machine that did not come up says nothing.
                into[key] = into[key] or each[key]
                if each[key] and into[key] != each[key]:
                    raise Trouble(key, "join", f"{into[key]}, {each[key]}",
                                  f"they are not the same {each['kernel']}")
            for cell in each["cells"]:
                if any(c["cell"] == cell["cell"] for c in into["cells"]):
                    raise Trouble("cell", "join", cell["cell"],
                                  f"it is there twice on {each['kernel']}")
                into["cells"].append(_with_all_facts(cell, each["facts"]))
    for kernel in kernels.values():
        _share_facts(kernel)
    result = {"schema": report.SCHEMA,
              "overmount": _one(documents, "overmount"), "machine": _one(documents, "machine"),
              "kernels": list(kernels.values())}
    result["summary"] = report.count(report.all_cells(result))
    if all("times" in d for d in documents):
        result["times"] = {"seconds": round(sum(d["times"]["seconds"] for d in documents), 1)}
    return result


def _one(documents: list[dict], key: str) -> str:
    return "; ".join(dict.fromkeys(d[key] for d in documents))


def _with_all_facts(cell: dict, base: dict) -> dict:
    return {**cell, "facts": judge.within(cell["facts"], base)} if "facts" in cell else cell


def _share_facts(kernel: dict) -> None:
    base = judge.common([c["facts"] for c in kernel["cells"] if "facts" in c])
    kernel["facts"] = dict(sorted(base.items()))
    for cell in kernel["cells"]:
        if "facts" in cell:
            cell["facts"] = dict(sorted(judge.without(cell["facts"], base).items()))


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="kernel-matrix/join", allow_abbrev=False,
        description="Makes one document, and what is made of it, from several.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="results of a run")
    parser.add_argument("--results", type=Path, required=True, metavar="DIR",
                        help="where the documents go")
    args = parser.parse_args()
    document = join([report.read(path) for path in args.runs])
    report.write(document, args.results, "times" in document)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        print(f"kernel-matrix/join: {trouble}", file=sys.stderr)
        sys.exit(2)
