# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a run leaves: the results document, KTAP, JUnit XML and a summary for people.

All of it is made from the document alone, so the same document gives the same files.
"""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

from matrix.common import Trouble, load
from matrix.judge import VERDICTS

SCHEMA = "overmount.matrix/1"
# Of the verdicts that KTAP has a word for; MISS is told in free text.
DIRECTIVES = {"SKIP": "SKIP", "ERROR": "ERROR"}
MARKS = {"PASS": "·", "FAIL": "**FAIL**", "SKIP": "skip", "MISS": "**MISS**",
         "ERROR": "**ERROR**"}


def count(cells: list[dict]) -> dict[str, int]:
    return {v: sum(c["verdict"] == v for c in cells) for v in VERDICTS}


def all_cells(document: dict) -> list[dict]:
    return [c for kernel in document["kernels"] for c in kernel["cells"]]


def write(document: dict, folder: Path, times: bool) -> None:
    """Writes all files; without times, nothing in them depends on a clock."""
    folder.mkdir(parents=True, exist_ok=True)
    if not times:
        document = strip_times(document)
    text = json.dumps(document, indent=1, ensure_ascii=False)
    # Lists of plain values are read more easily on one line.
    text = re.sub(r"\[\s+([^][{}]*?)\s+\]",
                  lambda m: "[" + re.sub(r",\s+", ", ", m[1]) + "]", text)
    for name, content in (("results.json", text + "\n"), ("results.ktap", ktap(document)),
                          ("results.xml", junit(document)), ("summary.md", summary(document))):
        (folder / name).write_text(content, encoding="utf-8")


def strip_times(value):
    if isinstance(value, dict):
        return {k: strip_times(v) for k, v in value.items() if k != "times"}
    if isinstance(value, list):
        return [strip_times(v) for v in value]
    return value


def read(path: Path) -> dict:
    """The document of a results directory, or of the file itself."""
    document = load(path / "results.json" if path.is_dir() else path, SCHEMA)
    if not isinstance(document.get("kernels"), list):
        raise Trouble("file", "use", path, "it has no kernels")
    return document


# --- KTAP ------------------------------------------------------------------------------


def _plain(words: str) -> str:
    """A # would begin a directive, and a control character another line."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", words).replace("#", "number ")


def _subtests(cell: dict) -> list[tuple[bool, str]]:
    tests = [(ok, name) for name, ok in cell.get("checks", {}).items()]
    for strategy, outcome in cell.get("outcomes", {}).items():
        tests.append((not outcome.startswith("failed"), f"{strategy}.apply {outcome}"))
    if cell["expected"]:
        tests.append((cell["verdict"] in ("PASS", "SKIP"), "as expected"))
    return tests


def ktap(document: dict) -> str:
    lines = ["KTAP version 1", f"1..{len(all_cells(document))}"]
    number = 0
    for kernel in document["kernels"]:
        for cell in kernel["cells"]:
            number += 1
            tests = _subtests(cell) if cell["verdict"] in ("PASS", "FAIL") else []
            if tests:
                lines += ["  KTAP version 1", f"  1..{len(tests)}"]
            for i, (ok, name) in enumerate(tests, 1):
                lines.append(f"  {'ok' if ok else 'not ok'} {i} {_plain(name)}")
            lines += [f"# {_plain(w)}" for w in cell["words"]]
            lines.append(_result(number, f"{kernel['kernel']} {cell['cell']}", cell))
    lines.append("# Totals: " + " ".join(
        f"{v.lower()}:{n}" for v, n in count(all_cells(document)).items()))
    return "\n".join(lines) + "\n"


def _result(number: int, name: str, cell: dict) -> str:
    verdict = cell["verdict"]
    line = f"{'ok' if verdict in ('PASS', 'SKIP') else 'not ok'} {number} {name}"
    if verdict in ("PASS", "FAIL"):
        return line
    why = _plain(cell["words"][0] if cell["words"] else "")
    return f"{line} # {DIRECTIVES.get(verdict, verdict + ':')} {why}"


# --- JUnit -----------------------------------------------------------------------------


def junit(document: dict) -> str:
    total = count(all_cells(document))
    root = ElementTree.Element("testsuites", _junit_counts(total))
    for kernel in document["kernels"]:
        suite = ElementTree.SubElement(root, "testsuite", {
            "name": kernel["kernel"], **_junit_counts(count(kernel["cells"]))})
        for cell in kernel["cells"]:
            case = ElementTree.SubElement(suite, "testcase", {
                "classname": f"kernel-matrix.{kernel['kernel']}", "name": cell["cell"]})
            if "times" in cell:
                case.set("time", f"{sum(cell['times'].values()) / 1e6:.6f}")
            _junit_verdict(case, cell)
    ElementTree.indent(root)
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            + ElementTree.tostring(root, encoding="unicode") + "\n")


def _junit_counts(counts: dict[str, int]) -> dict[str, str]:
    return {"tests": str(sum(counts.values())), "failures": str(counts["FAIL"]),
            "errors": str(counts["MISS"] + counts["ERROR"]), "skipped": str(counts["SKIP"])}


def _junit_verdict(case: ElementTree.Element, cell: dict) -> None:
    # XML has no place for control characters, not even escaped.
    words = [re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "?", w) for w in cell["words"]]
    element = {"FAIL": "failure", "MISS": "error", "ERROR": "error",
               "SKIP": "skipped"}.get(cell["verdict"])
    if element:
        found = ElementTree.SubElement(case, element, {"message": words[0] if words else ""})
        if element != "skipped":
            found.set("type", cell["verdict"])
            found.text = "\n".join(words)
    elif words:
        ElementTree.SubElement(case, "system-out").text = "\n".join(words)


# --- for people ------------------------------------------------------------------------


def summary(document: dict) -> str:
    counts = count(all_cells(document))
    parts = ["# Kernel matrix\n",
             f"{len(document['kernels'])} kernels, {sum(counts.values())} cells: "
             + ", ".join(f"{n} {v}" for v, n in counts.items()) + ".",
             f"Machines: {document['machine']}. Program: {document['overmount']}.\n"]
    parts += _kernel_table(document) + _cell_table(document) + _stories(document)
    if "times" in document:
        parts += _times_table(document)
    return "\n".join(parts) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
            *("| " + " | ".join(row) + " |" for row in rows), ""]


def _kernel_table(document: dict) -> list[str]:
    rows = []
    for kernel in document["kernels"]:
        counts = count(kernel["cells"])
        rows.append([kernel["kernel"], kernel["release"], kernel["expected"] or "nothing",
                     *(str(counts[v]) for v in VERDICTS)])
    return _table(["kernel", "release", "expectation", *VERDICTS], rows)


def _cell_table(document: dict) -> list[str]:
    names = list(dict.fromkeys(c["cell"] for c in all_cells(document)))
    rows = []
    for name in names:
        row = [name]
        for kernel in document["kernels"]:
            cell = next((c for c in kernel["cells"] if c["cell"] == name), None)
            row.append(_mark(cell) if cell else "")
        rows.append(row)
    return ["`o` an overlay was mounted, `m` a mimic; what is missing was refused.\n",
            *_table(["cell", *(k["kernel"] for k in document["kernels"])], rows)]


def _mark(cell: dict) -> str:
    outcomes = cell.get("outcomes", {})
    letters = "".join(letter for letter, strategy in (("o", "overlay"), ("m", "mimic"))
                      if outcomes.get(strategy) == "applied")
    return letters if cell["verdict"] == "PASS" else f"{MARKS[cell['verdict']]} {letters}".strip()


def _stories(document: dict) -> list[str]:
    lines = []
    for kernel in document["kernels"]:
        for cell in kernel["cells"]:
            if cell["words"] and cell["verdict"] != "SKIP":
                lines.append(f"- {kernel['kernel']} {cell['cell']}: {cell['verdict']}")
                lines += [f"  - {w}" for w in cell["words"][:5]]
    return ["## What was otherwise, or needed a word\n", *lines, ""] if lines else []


def _times_table(document: dict) -> list[str]:
    wanted = ("desktop", "desktop-large")
    rows = []
    for kernel in document["kernels"]:
        cells = {c["cell"]: c.get("times", {}) for c in kernel["cells"]}
        rows.append([kernel["kernel"], *(
            f"{cells[name][what] / 1000:.0f}" if what in cells.get(name, {}) else ""
            for name in wanted for what in ("overlay.apply", "mimic.apply"))])
    return ["## Milliseconds to apply, one time each\n",
            *_table(["kernel", *(f"{n}, {s}" for n in wanted for s in ("overlay", "mimic"))],
                    rows)]
