# SPDX-License-Identifier: LGPL-2.1-or-later
"""From what a machine reports to verdicts: records, expectations, comparisons."""

import copy
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import tap

from matrix import compare, expect, guest, judge, report
from matrix.common import HOME, Trouble

AXES = {"lsm": "unconfined", "overlay": "loaded", "lower": "squashfs", "children": "few",
        "propagation": "private", "surface": "native", "userns": "no"}
PLAN = """{ "schema": "overmount.plan/1",
 "entries": [ { "target": "/usr/share/foo", "strategy": "overlay", "reason": "ovl-ro" },
 { "target": "/etc", "strategy": "plain", "reason": "target-exists" } ],"""
RECORDS = """boot	release	5.10.0
boot	version	#1 SMP
cell	desktop
facts	facts:
facts	  overlay.ro:
facts	    state: "yes"
facts	    value: "nofollow"
facts	    evidence: "mounted"
facts	  limits.mount-max:
facts	    state: "yes"
facts	    value: "100000"
""" + "".join(f"plan\t{line}\n" for line in PLAN.split("\n")) + """check	overlay.view	ok
time	overlay.apply	1200
outcome	overlay	0	
outcome	mimic	0	
check	mimic.view	ok
end	desktop
finished
"""


def seen(**changes) -> guest.Seen:
    result = guest.parse(RECORDS).cells["desktop"]
    for name, value in changes.items():
        setattr(result, name, value)
    return result


def test_parse():
    """the records of a cell are read"""
    got = guest.parse(RECORDS)
    assert got.finished and got.boot == {"release": "5.10.0", "version": "#1 SMP"}
    cell = got.cells["desktop"]
    assert cell.facts == {"overlay.ro": "yes: nofollow", "limits.mount-max": "yes"}
    assert cell.plan == {"overlay ovl-ro": ["/usr/share/foo"], "plain target-exists": ["/etc"]}
    assert cell.outcomes == {"overlay": "applied", "mimic": "applied"}
    assert cell.times == {"overlay.apply": 1200}


def test_parse_cut():
    """a machine that died leaves the cells that ended, and the name of the one that began"""
    cut = RECORDS.replace("finished\n", "cell\tnext\ncheck\tprobe\tok\ncheck\tpl")
    got = guest.parse(cut)
    assert not got.finished and list(got.cells) == ["desktop"] and got.begun == "next"


def test_parse_wrong():
    """control: what is no record, or in the wrong place, is an error"""
    for wrong in ("hello\n", "end\tdesktop\n", "boot\tx\n", "cell\ta\ncell\tb\n",
                  "cell\ta\nend\tb\n", "cell\ta\ncheck\tx\tmaybe\n", "time\tx\t1\n"):
        tap.raises(ValueError, "", guest.parse, wrong)
    garbled = RECORDS.replace('"strategy": "overlay",', '"strategy":')
    assert "not understood" in guest.parse(garbled).cells["desktop"].error


def test_pass():
    """a cell in which all is well passes, with or without an expectation"""
    assert judge.judge(AXES, seen(), None, {}) == ("PASS", [])
    assert judge.judge(AXES, seen(), judge.record(seen()), {}) == ("PASS", [])


def test_fail():
    """a check that fails, an apply that fails and no strategy at all are failures"""
    bad = seen(failures={"overlay.view": ["+/x"]})
    assert judge.judge(AXES, bad, None, {}) == ("FAIL", ["overlay.view: +/x"])
    bad = seen(outcomes={"overlay": "failed 64", "mimic": "applied"}, words={"overlay": "left"})
    assert judge.judge(AXES, bad, None, {}) == ("FAIL", ["overlay: apply failed 64: left"])
    bad = seen(outcomes={"overlay": "refused ovl-absent"})
    assert judge.judge(AXES, bad, None, {})[0] == "FAIL"


def test_explained():
    """a failure that the expectation explains passes, another one does not"""
    bad = seen(failures={"overlay.view": []})
    expected = judge.record(bad)
    verdict, words = judge.judge(AXES, bad, expected, {"overlay.view": "known since 6.7"})
    assert verdict == "PASS" and "known since 6.7" in words[0]
    assert judge.judge(AXES, bad, expected, {"overlay.map": "another"})[0] == "FAIL"
    # What was known to fail and goes well is told, and no failure.
    verdict, words = judge.judge(AXES, seen(), expected, {"overlay.view": "known since 6.7"})
    assert (verdict, words) == ("PASS", ["improvement: overlay.view went wrong, goes well"])


def test_words():
    """differences are regressions, improvements or changes, in words"""
    before = judge.record(seen())
    after = judge.record(seen(
        facts={"overlay.ro": "no", "limits.mount-max": "yes"},
        outcomes={"overlay": "refused ovl-absent", "mimic": "applied"},
        plan={"mimic mimic": ["/usr/share/foo"], "plain target-exists": ["/etc"]},
        denied={"app open": 2}))
    words = [str(d) for d in judge.differences(before, after, {"overlay.ro": "mount: ENODEV"})]
    assert words == [
        "regression: fact overlay.ro was yes: nofollow, is no (mount: ENODEV)",
        "regression: overlay was applied, is refused ovl-absent",
        "regression: the plan for /usr/share/foo was overlay ovl-ro, is mimic mimic",
        "regression: AppArmor denied app open 0 times, now 2 times"], words
    back = judge.differences(after, before)
    assert {d.kind for d in back} == {judge.IMPROVEMENT} and len(back) == 4
    changed = judge.record(seen(facts={"overlay.ro": "yes: off", "limits.mount-max": "yes"}))
    assert [d.kind for d in judge.differences(before, changed)] == [judge.CHANGE]


def test_skip():
    """a cell that cannot be tried is skipped, unless it was expected to be tried"""
    skipped = seen(skip="this kernel has no erofs")
    assert judge.judge(AXES, skipped, None, {})[0] == "SKIP"
    assert judge.judge(AXES, skipped, judge.record(skipped), {})[0] == "SKIP"
    verdict, words = judge.judge(AXES, skipped, judge.record(seen()), {})
    assert verdict == "FAIL" and "was tried, is skipped: this kernel" in words[0]


def test_error():
    """a cell that is not what it claims to be is an error of ours"""
    assert judge.judge(AXES, seen(error="cannot mount"), None, {})[0] == "ERROR"
    hidden = seen(facts={"mount-api.open-tree": "yes", "openat2": "yes"})
    assert judge.judge(AXES | {"overlay": "loadable"}, seen(facts={"overlay.module": "no: loadable"}),
                       None, {})[0] == "PASS"
    for changes in ({"overlay": "absent"}, {"overlay": "loadable"}, {"surface": "4.4"}, {"surface": "5.4"},
                    {"lsm": "confined"}):
        assert judge.judge(AXES | changes, hidden, None, {})[0] == "ERROR", changes


def some_records() -> dict[str, dict]:
    records = {f"cell{i}": judge.record(seen()) for i in range(4)}
    records["cell1"]["facts"]["overlay.ro"] = "no"
    records["cell2"] = {"came": "skipped", "why": "no erofs"}
    return records


def test_bless():
    """what is blessed is expected afterwards, facts of single cells too"""
    with tempfile.TemporaryDirectory() as name:
        folder, records = Path(name), some_records()
        assert expect.read("5.10", folder) is None
        assert not expect.write("5.10", records, folder)
        got = expect.read("5.10", folder)
        assert got.cells == records and list(got.cells) == list(records)
        text = (folder / "5.10.yaml").read_text()
        expect.write("5.10", records, folder)
        assert (folder / "5.10.yaml").read_text() == text
        # Part of the cells leaves the others.
        better = copy.deepcopy(records["cell1"])
        better["facts"]["overlay.ro"] = "yes: nofollow"
        expect.write("5.10", {"cell1": better}, folder)
        assert expect.read("5.10", folder).cells == records | {"cell1": better}


def test_bless_failing():
    """what fails needs a reason, which is kept"""
    with tempfile.TemporaryDirectory() as name:
        folder, records = Path(name), some_records()
        records["cell0"]["fails"] = ["overlay.view"]
        assert expect.write("5.10", records, folder) == ["cell0: overlay.view"]
        tap.raises(Trouble, "nothing is said about why it fails", expect.read, "5.10", folder)
        path = folder / "5.10.yaml"
        path.write_text(path.read_text().replace("overlay.view: ''", "overlay.view: because"))
        assert expect.read("5.10", folder).explained["cell0"] == {"overlay.view": "because"}
        assert not expect.write("5.10", records, folder)
        assert "because" in path.read_text()


def test_wrong_expectation():
    """control: a wrong expectation turns its own cell and no other"""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        expect.write("5.10", {f"cell{i}": judge.record(seen()) for i in range(4)}, folder)
        path = folder / "5.10.yaml"
        text = path.read_text()
        wrong = text.replace(
            "cell2:\n", "cell2:\n    facts: {overlay.ro: 'yes: other'}\n")
        assert wrong != text
        for content, turned in ((text, set()), (wrong, {"cell2"})):
            path.write_text(content)
            records = expect.read("5.10", folder).cells
            assert {n for n, r in records.items()
                    if judge.judge(AXES, seen(), r, {})[0] != "PASS"} == turned


def kernel(name: str, **facts) -> dict:
    record = judge.record(seen())
    cells = [{"cell": n, "axes": AXES, "layout": "mixed", "verdict": "PASS", "words": [],
              "expected": False, "checks": {}, **copy.deepcopy(record)} for n in ("a", "b")]
    for cell in cells:
        cell["facts"] = {}
    return {"kernel": name, "release": name, "version": "", "packages": [], "expected": "",
            "facts": record["facts"] | facts, "cells": cells}


def run_compare(*arguments: str) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-B", "-m", "matrix.compare", *arguments],
                          capture_output=True, text=True, check=False,
                          env={"PYTHONPATH": str(HOME)})
    return done.returncode, done.stdout + done.stderr


def test_compare():
    """compare: 1 for a regression, 0 without, and both kernels of one run"""
    with tempfile.TemporaryDirectory() as name:
        document = {"schema": report.SCHEMA, "kernels": [
            kernel("5.10"), kernel("7.3", **{"overlay.ro": "no"})]}
        (Path(name) / "results.json").write_text(json.dumps(document))
        assert run_compare(name, name)[0] == 0
        status, text = run_compare(f"{name}:5.10", f"{name}:7.3")
        assert status == 1 and "regression: fact overlay.ro was yes: nofollow, is no" in text
        assert "in 2 cells: a b" in text
        status, text = run_compare(f"{name}:7.3", f"{name}:5.10")
        assert status == 0 and "improvement" in text
        status, text = run_compare(f"{name}:9", name)
        assert status == 2 and 'kernel-matrix/compare: kernel: cannot find "9"' in text
        assert run_compare(f"{name}:5.10", name)[0] == 2


tap.run(globals())
