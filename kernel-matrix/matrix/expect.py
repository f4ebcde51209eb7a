# SPDX-License-Identifier: LGPL-2.1-or-later
"""expect/KERNEL.yaml: what is expected of a kernel, as recorded by a run that was blessed."""

from pathlib import Path

import yaml

from matrix import judge
from matrix.common import HOME, Trouble, keys, load, text

SCHEMA = "overmount.matrix-expect/1"
HEAD = """\
# SPDX-License-Identifier: LGPL-2.1-or-later
# What is expected of this kernel: `kernel-matrix/run --bless` writes it.  `facts` is what most
# cells find, a cell has those that it finds otherwise.  What should hold on any kernel and does
# not is in `fails`, each with the reason; a reason is written by hand and kept by --bless.
"""


class Expectation:
    """Records of cells by name, and why some of them fail."""

    def __init__(self, cells: dict[str, dict], explained: dict[str, dict[str, str]]):
        self.cells = cells
        self.explained = explained


def read(kernel: str, folder: Path = HOME / "expect") -> Expectation | None:
    """None if there is no expectation for a kernel of that name."""
    path = folder / f"{kernel}.yaml"
    if not path.exists():
        return None
    document = keys(str(path), load(path, SCHEMA), {"schema", "kernel", "facts", "cells"})
    cells, explained = {}, {}
    for name, cell in document["cells"].items():
        if cell.get("came") != "tried":
            cells[name] = keys(name, cell, {"came", "why"})
            continue
        keys(name, cell, {"came", "outcomes", "plan"}, {"facts", "denied", "fails"})
        explained[name] = cell.get("fails", {})
        for check, because in explained[name].items():
            if not text(name, because).strip():
                raise Trouble(str(path), "accept", f"{name}: {check}",
                              "nothing is said about why it fails")
        cells[name] = {"came": "tried", "outcomes": cell["outcomes"], "plan": cell["plan"],
                       "denied": cell.get("denied", {}), "fails": sorted(explained[name]),
                       "facts": judge.within(cell.get("facts", {}), document["facts"])}
    return Expectation(cells, explained)


def write(kernel: str, records: dict[str, dict], folder: Path = HOME / "expect") -> list[str]:
    """Takes the records over; cells that they do not have stay as they were.

    Returns what fails and has no reason yet: the file is not valid before it has.
    """
    old = read(kernel, folder) or Expectation({}, {})
    cells = old.cells | {n: r for n, r in records.items() if r["came"] in ("tried", "skipped")}
    base = judge.common([c["facts"] for c in cells.values() if c["came"] == "tried"])
    document = {"schema": SCHEMA, "kernel": kernel, "facts": dict(sorted(base.items())),
                "cells": {}}
    open_reasons = []
    for name, cell in cells.items():
        if cell["came"] != "tried":
            document["cells"][name] = dict(cell)
            continue
        entry = {"came": "tried", "outcomes": cell["outcomes"], "plan": cell["plan"]}
        other = judge.without(cell["facts"], base)
        reasons = {check: old.explained.get(name, {}).get(check, "") for check in cell["fails"]}
        open_reasons += [f"{name}: {check}" for check, why in reasons.items() if not why]
        entry |= {key: value for key, value in (
            ("facts", dict(sorted(other.items()))), ("denied", cell["denied"]),
            ("fails", reasons)) if value}
        document["cells"][name] = entry
    folder.mkdir(exist_ok=True)
    body = yaml.safe_dump(document, sort_keys=False, default_flow_style=None, width=98)
    (folder / f"{kernel}.yaml").write_text(HEAD + body, encoding="utf-8")
    return open_reasons
