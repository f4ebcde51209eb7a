# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cells of cells.yaml: scenarios, and what else is needed to cover each pair of values."""

import fnmatch
import itertools
import re
from dataclasses import dataclass
from pathlib import Path

from matrix.common import HOME, Trouble, keys, load, text, texts

MIXED = "mixed"


@dataclass(frozen=True)
class Cell:
    name: str
    values: tuple[str, ...]  # one for each axis, in the order of the axes
    layout: str = MIXED
    about: str = ""


class Table:
    """What cells.yaml says."""

    def __init__(self, document: dict):
        keys("cells.yaml", document, {"schema", "axes", "never", "scenarios"})
        self.axes: dict[str, list[str]] = {}
        for axis, values in keys("axes", document["axes"], set(), set(document["axes"])).items():
            self.axes[text("axes", axis)] = [text(axis, value) for value in values]
        self.never = [self._constraint(entry) for entry in document["never"]]
        self.scenarios = [self._scenario(entry) for entry in document["scenarios"]]
        names = [s.name for s in self.scenarios]
        for name in names:
            if names.count(name) > 1:
                raise Trouble("scenarios", "use", name, "it is there twice")

    def values_of(self, what: str, axis: str, values: list[str]) -> list[str]:
        if axis not in self.axes:
            raise Trouble(what, "use", axis, f"the axes are {', '.join(self.axes)}")
        for value in values:
            if value not in self.axes[axis]:
                raise Trouble(what, "use", value,
                              f"{axis} can be {', '.join(self.axes[axis])}")
        return values

    def _constraint(self, entry: dict) -> dict[int, set[str]]:
        keys("never", entry, {"with", "because"})
        index = list(self.axes).index
        return {index(axis): set(self.values_of("never", axis, texts(axis, values)))
                for axis, values in entry["with"].items()}

    def _scenario(self, entry: dict) -> Cell:
        keys("scenarios", entry, {"name", "about", "axes"}, {"layout"})
        name = text("name", entry["name"])
        if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", name):
            raise Trouble("name", "use", name, "only a-z, 0-9, dot and dash")
        axes = keys(name, entry["axes"], set(self.axes))
        for axis, value in axes.items():
            self.values_of(name, axis, [text(axis, value)])
        values = tuple(axes[axis] for axis in self.axes)
        if not self.is_allowed(values):
            raise Trouble("scenarios", "use", name, "its values can never be together")
        return Cell(name, values, text("layout", entry.get("layout", MIXED)),
                    text("about", entry["about"]))

    def is_allowed(self, values: tuple[str, ...]) -> bool:
        return not any(all(values[axis] in forbidden for axis, forbidden in entry.items())
                       for entry in self.never)


def read(path: Path = HOME / "cells.yaml") -> Table:
    return Table(load(path, "overmount.matrix-cells/1"))


def pairs(values: tuple[str, ...]) -> list[tuple]:
    """Each pair of values of two axes that the cell has."""
    return list(itertools.combinations(enumerate(values), 2))


def generate(table: Table) -> list[Cell]:
    """The scenarios, then cells until each pair that can be is in one of them.

    Each new cell is the one that covers the most of what is still missing; of equally good
    ones, the first in the order of the axes.  So the same table gives the same cells.
    """
    allowed = [v for v in itertools.product(*table.axes.values()) if table.is_allowed(v)]
    bits: dict[tuple, int] = {}
    masks = []
    for values in allowed:
        mask = 0
        for pair in pairs(values):
            mask |= bits.setdefault(pair, 1 << len(bits))
        masks.append(mask)
    missing = (1 << len(bits)) - 1
    for scenario in table.scenarios:
        for pair in pairs(scenario.values):
            missing &= ~bits[pair]
    cells = list(table.scenarios)
    while missing:
        gains = [(mask & missing).bit_count() for mask in masks]
        best = gains.index(max(gains))
        missing &= ~masks[best]
        cells.append(Cell(name_of(table, allowed[best]), allowed[best]))
    return cells


def name_of(table: Table, values: tuple[str, ...]) -> str:
    named = dict(zip(table.axes, values))
    userns = "userns" if named.pop("userns", "no") == "yes" else None
    return "-".join([*named.values(), *([userns] if userns else [])])


def axes_of(table: Table, cell: Cell) -> dict[str, str]:
    return dict(zip(table.axes, cell.values))


def select(table: Table, cells: list[Cell], wanted: list[str]) -> list[Cell]:
    """The cells that one of the expressions names.

    An expression is a pattern for names, or conditions AXIS=VALUE with commas between, which
    all have to hold; a VALUE may be several with | between.
    """
    if not wanted:
        return cells
    found = set()
    for expression in wanted:
        matching = [c.name for c in cells if _matches(table, c, expression)]
        if not matching:
            raise Trouble("--cells", "use", expression, "no cell is like that")
        found.update(matching)
    return [c for c in cells if c.name in found]


def _matches(table: Table, cell: Cell, expression: str) -> bool:
    if "=" not in expression:
        return any(fnmatch.fnmatchcase(cell.name, p) for p in expression.split(","))
    for condition in expression.split(","):
        axis, _, values = condition.partition("=")
        allowed = table.values_of("--cells", axis, values.split("|"))
        if axes_of(table, cell)[axis] not in allowed:
            return False
    return True


def shard(items: list, wanted: str) -> list:
    """Part I of N ('I/N') of the items: neighbours stay together, so that fewer boots do."""
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", wanted)
    part, parts = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= part <= parts:
        raise Trouble("--shard", "use", wanted, "I/N is wanted, with I from 1 to N")
    return items[len(items) * (part - 1) // parts:len(items) * part // parts]
