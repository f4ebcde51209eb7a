# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cells of the kernel matrix: every pair of values is covered, and chosen the same twice."""

import itertools
import subprocess
import sys

import tap

from matrix import cells, kernels
from matrix.common import HOME, TOP, Trouble, load

TABLE = cells.read()
CELLS = cells.generate(TABLE)


def uncovered(table, some) -> set:
    """The pairs that can be and are in none of the cells; counted without cells.pairs()."""
    axes = list(table.axes)
    missing = set()
    for values in itertools.product(*table.axes.values()):
        if table.is_allowed(values):
            for a in range(len(axes)):
                for b in range(a + 1, len(axes)):
                    missing.add((axes[a], values[a], axes[b], values[b]))
    for cell in some:
        named = list(cells.axes_of(table, cell).items())
        for (axis, value), (other, its) in itertools.combinations(named, 2):
            missing.discard((axis, value, other, its))
    return missing


def test_pairs():
    """each pair that can be is in a cell"""
    assert not uncovered(TABLE, CELLS)


def test_pair_missing():
    """control: without any one generated cell, a pair is missing"""
    generated = [c for c in CELLS if c not in TABLE.scenarios]
    assert generated
    for cell in generated:
        assert uncovered(TABLE, [c for c in CELLS if c is not cell]), cell.name


def test_allowed():
    """no cell has values that can never be together"""
    for cell in CELLS:
        values = cells.axes_of(TABLE, cell)
        assert not (values["children"] == "locked" and values["userns"] == "no")
        assert values["lower"] not in ("overlay1", "overlay2") or values["overlay"] == "loaded"


def test_forbidden_scenario():
    """control: a scenario that can never be is refused"""
    document = load(HOME / "cells.yaml", "overmount.matrix-cells/1")
    document["scenarios"][0]["axes"]["children"] = "locked"
    tap.raises(Trouble, "never be together", cells.Table, document)


def test_same_twice():
    """another process generates the same cells in the same order"""
    out = subprocess.run(
        [sys.executable, "-B", "-c", "from matrix import cells\n"
         "for c in cells.generate(cells.read()): print(c.name, *c.values, c.layout)"],
        check=True, capture_output=True, text=True,
        env={"PYTHONPATH": str(HOME), "PYTHONHASHSEED": "7"}).stdout
    assert out == "".join(f"{c.name} {' '.join(c.values)} {c.layout}\n" for c in CELLS)


def test_names():
    """names are unique and fit for a file"""
    names = [c.name for c in CELLS]
    assert len(set(names)) == len(names)
    assert all(n == n.strip() and "/" not in n for n in names)


def test_layouts():
    """each layout that a scenario names is in the corpus"""
    for cell in CELLS:
        assert cell.layout == cells.MIXED or (TOP / f"tests/corpus/yaml/{cell.layout}.yaml").exists()


def test_select():
    """cells are selected by name, by one axis, by several, by several values"""
    def names(*wanted):
        return [c.name for c in cells.select(TABLE, CELLS, list(wanted))]

    assert names("desktop") == ["desktop"]
    assert names("desktop*") == ["desktop", "desktop-large"]
    assert names("core16", "desktop") == ["desktop", "core16"]
    confined = [c.name for c in CELLS if c.values[0] == "confined"]
    assert names("lsm=confined") == confined and len(confined) > 3
    both = names("lsm=confined|none,overlay=loaded")
    assert both == [c.name for c in CELLS if c.values[0] != "unconfined" and c.values[1] == "loaded"]


def test_select_nothing():
    """a selection that selects nothing is an error, and says what there is"""
    tap.raises(Trouble, '--cells: cannot use "selinux": lsm can be none,',
               cells.select, TABLE, CELLS, ["lsm=selinux"])
    tap.raises(Trouble, "the axes are lsm,", cells.select, TABLE, CELLS, ["label=none"])
    tap.raises(Trouble, "no cell is like that", cells.select, TABLE, CELLS, ["nothing"])
    tap.raises(Trouble, '--kernels: cannot use "4.*"', kernels.select, ["4.*"], ["5.10"])


def test_select_kernels():
    """kernels are selected by patterns, in the order of kernels.yaml"""
    lines = [k["line"] for k in kernels.read()]
    assert kernels.select([], lines) == lines
    assert kernels.select(["7.*,5.10"], lines) == ["5.10", "7.2", "7.3", "7.3-rc"]


def test_shards():
    """the shards are the whole, in order, each once, and even"""
    for count in (1, 2, 7, 38, 50):
        items = list(range(38))
        parts = [cells.shard(items, f"{i}/{count}") for i in range(1, count + 1)]
        assert sum(parts, []) == items
        assert max(map(len, parts)) - min(map(len, parts)) <= 1
    for wrong in ("0/3", "4/3", "1", "a/b", "1/0"):
        tap.raises(Trouble, "--shard", cells.shard, [1], wrong)


def test_strict():
    """a number, an unknown key and a key that is there twice are errors"""
    document = load(HOME / "cells.yaml", "overmount.matrix-cells/1")
    document["axes"]["surface"] = {5.4: ""}
    tap.raises(Trouble, "put it in quotes", cells.Table, document)
    document = load(HOME / "cells.yaml", "overmount.matrix-cells/1")
    document["scenarios"][0]["layouts"] = "x"
    tap.raises(Trouble, "no such key", cells.Table, document)


tap.run(globals())
