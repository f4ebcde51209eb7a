# SPDX-License-Identifier: LGPL-2.1-or-later
"""The documents of a run of the matrix: results, KTAP, JUnit, summary."""

import copy
import json
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import ktap
import tap

from matrix import join, report
from matrix.common import Trouble

AXES = {"lsm": "unconfined", "overlay": "loaded"}


def cell(name: str, verdict: str, words=(), **more) -> dict:
    return {"cell": name, "axes": AXES, "layout": "mixed", "verdict": verdict,
            "words": list(words), "expected": True, **more}


TRIED = {"came": "tried", "plan": {"overlay ovl-ro": ["/a"]}, "denied": {}, "fails": [],
         "facts": {}, "outcomes": {"overlay": "applied", "mimic": "applied"},
         "checks": {"probe": True, "overlay.view": True}, "times": {"overlay.apply": 1500}}


def document() -> dict:
    cells = [
        cell("good", "PASS", **copy.deepcopy(TRIED)),
        cell("better", "PASS", ["improvement: fact openat2 was no, is yes"],
             **copy.deepcopy(TRIED)),
        cell("bad", "FAIL", ["regression: fact #1 was yes,\nis \x1bno", "overlay.view: <&>"],
             **{**copy.deepcopy(TRIED), "checks": {"probe": True, "overlay.view": False}}),
        cell("other", "SKIP", ["this kernel has no erofs"], came="skipped", why="no erofs"),
        cell("gone", "MISS", ["the machine ended", "Kernel panic - not syncing"],
             came="missed", why="the machine ended"),
        cell("ours", "ERROR", ["cannot mount a tmpfs"], came="broken", why="x"),
    ]
    return {"schema": report.SCHEMA, "overmount": "overmount 0", "machine": "qemu, tcg",
            "kernels": [{"kernel": "5.10", "release": "5.10.0", "version": "x", "packages": [],
                         "expected": "5.10", "facts": {"openat2": "yes"}, "cells": cells}],
            "summary": report.count(cells), "times": {"seconds": 3.5}}


def test_ktap():
    """KTAP: one line for each cell, subtests below, each verdict told from the others"""
    results = ktap.parse(report.ktap(document()))
    assert [r.name for r in results] == [f"5.10 {n}" for n in
                                         ("good", "better", "bad", "other", "gone", "ours")]
    assert [r.ok for r in results] == [True, True, False, True, False, False]
    assert [(r.directive, r.words) for r in results[3:]] == [
        ("SKIP", "this kernel has no erofs"), ("", "MISS: the machine ended"),
        ("ERROR", "cannot mount a tmpfs")]
    assert [s.name for s in results[0].subtests] == [
        "probe", "overlay.view", "overlay.apply applied", "mimic.apply applied", "as expected"]
    assert [s.ok for s in results[2].subtests] == [True, False, True, True, False]


def test_ktap_strict():
    """control: the reader of KTAP refuses what is not KTAP"""
    good = report.ktap(document())
    assert ktap.parse(good)
    lines = good.split("\n")
    broken = {
        "no version": "\n".join(lines[1:]),
        "no plan": "\n".join(lines[:1] + lines[2:]),
        "a wrong plan": good.replace("1..6", "1..7", 1),
        "a wrong number": good.replace("ok 2 5.10 better", "ok 3 5.10 better"),
        "a line cut short": good[:-1],
        "free text": good.replace("# Totals", "Totals"),
        "a subtest too many": good.replace("  1..5", "  1..4", 1),
        "subtests in vain": good + "  KTAP version 1\n  1..1\n  ok 1 x\n",
        "no name": good.replace("ok 1 5.10 good", "ok 1 "),
        "an odd indent": good.replace("  ok 1 probe", "   ok 1 probe", 1),
        "a failing subtest of a good test": good.replace("  ok 2 overlay.view",
                                                         "  not ok 2 overlay.view", 1),
        "a control character": good.replace("5.10 good", "5.10 go\x07od"),
        "another version": good.replace("version 1", "version 2", 1),
    }
    for what, text in broken.items():
        assert text != good, f"control of the control: {what} changes nothing"
        try:
            ktap.parse(text)
        except ktap.Malformed:
            continue
        raise AssertionError(f"{what} is accepted")


def test_junit():
    """JUnit: a failure, a skipped one, and errors of two types"""
    root = ElementTree.fromstring(report.junit(document()).split("\n", 1)[1])
    suite = root.find("testsuite")
    assert {k: suite.get(k) for k in ("tests", "failures", "errors", "skipped")} == {
        "tests": "6", "failures": "1", "errors": "2", "skipped": "1"}
    kinds = {c.get("name"): [(e.tag, e.get("type")) for e in c] for c in suite}
    assert kinds == {"good": [], "better": [("system-out", None)],
                     "bad": [("failure", "FAIL")], "other": [("skipped", None)],
                     "gone": [("error", "MISS")], "ours": [("error", "ERROR")]}
    assert "Kernel panic" in suite.findall("testcase")[4].find("error").text
    assert suite.find("testcase").get("time") == "0.001500"


def written(doc: dict, times: bool) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        report.write(doc, Path(folder), times)
        assert report.read(Path(folder)) == (doc if times else report.strip_times(doc))
        return {p.name: p.read_text() for p in Path(folder).iterdir()}


def test_times():
    """two runs that took different times leave the same documents without times"""
    slower = document()
    slower["times"]["seconds"] = 99
    for each in slower["kernels"][0]["cells"]:
        for name in each.get("times", {}):
            each["times"][name] += 12345
    assert written(document(), False) == written(slower, False)
    assert written(document(), True) != written(slower, True), "control: times are written"
    assert "time" not in written(document(), False)["results.xml"]


def test_difference_seen():
    """control: documents of runs with another verdict differ, with or without times"""
    other = document()
    other["kernels"][0]["cells"][0]["verdict"] = "FAIL"
    for times in (False, True):
        a, b = written(document(), times), written(other, times)
        assert all(a[name] != b[name] for name in a if name != "results.json")
        assert a["results.json"] != b["results.json"]


def test_join():
    """the documents of shards are joined to that of the whole"""
    whole = document()
    whole["kernels"].append({**copy.deepcopy(whole["kernels"][0]), "kernel": "7.3"})
    whole["kernels"][1]["cells"][0]["facts"] = {"openat2": "no", "overlay.ro": "yes"}
    whole = join.join([whole])
    parts = []
    for take in (slice(0, 1), slice(1, 6)):
        part = copy.deepcopy(whole)
        for kernel in part["kernels"]:
            kernel["cells"] = kernel["cells"][take]
        parts.append(join.join([part]))
    assert parts[0]["kernels"][1]["facts"]["openat2"] == "no"
    whole["times"]["seconds"] *= 2
    assert join.join(parts) == whole
    tap.raises(Trouble, "it is there twice on 5.10", join.join, [parts[0], whole])
    parts[1]["kernels"][0]["release"] = "5.10.1"
    tap.raises(Trouble, "they are not the same 5.10", join.join, parts)


def test_summary():
    """the summary tells each verdict, and what was mounted"""
    text = report.summary(document())
    for words in ("2 PASS, 1 FAIL, 1 SKIP, 1 MISS, 1 ERROR", "| good | om |",
                  "**FAIL** om", "**MISS**", "**ERROR**", "regression: fact"):
        assert words in text, words


def test_schema():
    """a file of another schema, and one that is cut short, are refused"""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "results.json"
        path.write_text(json.dumps({**document(), "schema": "overmount.plan/1"}))
        tap.raises(Trouble, "its schema is not", report.read, path)
        path.write_text(json.dumps(document())[:-5])
        tap.raises(Trouble, "cannot read", report.read, Path(name))


tap.run(globals())
