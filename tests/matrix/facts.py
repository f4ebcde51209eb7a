# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is recorded of the kernels is what was known of them, and what docs/kernels.md says."""

import tempfile
from pathlib import Path

import tap

from matrix import facts, kernels
from matrix.common import TOP, Trouble

# What was found on 5.10, 6.1, 6.12, 7.2 and 7.3, by hand and with other programs, before
# there was a probe; y, n, or the value.  The three kernels between were not looked at then:
# what changed between 6.12 and 7.2 is in `SINCE`.
KERNELS = ["5.10", "6.1", "6.12", "7.2", "7.3"]
KNOWN = {
    "mount-api.open-tree": "y y y y y",
    "mount-api.fsopen": "y y y y y",
    "mount-api.move-mount": "y y y y y",
    "openat2": "y y y y y",
    "mount-api.mount-id": "y y y y y",
    "close-range": "y y y y y",
    "mount-api.setattr": "n y y y y",
    "mount-api.move-beneath": "n n y y y",
    "mount-api.unique-id": "n n y y y",
    "mount-api.statmount": "n n y y y",
    "mount-api.listmount": "n n y y y",
    "mount-api.detached-nesting": "n n n y y",
    "overlay.ro": "y y y y y",
    "overlay.userns": "n y y y y",
    "overlay.userxattr": "n y y y y",
    "overlay.lowerdir-plus": "n n y y y",
    "overlay.layer-fd": "n n n y y",
    "overlay.detached-lower": "n n n y y",
    "overlay.redirect-nofollow": "y y y y y",
    "overlay.metacopy-off": "y y y y y",
    "overlay.stack-depth": "2 2 2 2 2",
    "overlay.upper-tmpfs": "y y y y y",
    "overlay.whiteout": "y y y y y",
    "overlay.opaque": "y y y y y",
    "overlay.nosuid-inherited": "n n n n n",
    "apparmor.stacking": "yes yes yes yes yes",
    "apparmor.mount-mediation": ",".join(["mount umount pivot_root"] * 5),
    "apparmor.move-mount-mediation": "n n detached detached detached",
}
# From which kernel on, as its makers say: 6.13, 6.15 and 6.15 are between the kernels here.
SINCE = {"overlay.layer-fd": "6.16", "mount-api.detached-nesting": "6.16",
         "overlay.detached-lower": "6.16"}
RECORDED = facts.recorded()
BEGIN, END = "<!-- kernel-matrix/facts-table -->\n", "<!-- end -->\n"


def stated(word: str) -> str:
    return {"y": "yes", "n": "no"}.get(word, f"yes: {word}")


def differences(recorded: dict) -> list[str]:
    """Where what is recorded is not what was known."""
    found = []
    for name, words in KNOWN.items():
        for kernel, word in zip(KERNELS, words.split("," if "," in words else " "), strict=True):
            if recorded[kernel].get(name) != stated(word):
                found.append(f"{name} on {kernel}: {recorded[kernel].get(name)}, was {word}")
    return found


def test_known():
    """five kernels are as they were found by other means"""
    assert not differences(RECORDED), differences(RECORDED)


def test_known_control():
    """control: each state that is turned is noticed"""
    for name, words in KNOWN.items():
        for kernel in KERNELS:
            turned = {k: dict(v) for k, v in RECORDED.items()}
            turned[kernel][name] = "no" if turned[kernel][name] != "no" else "yes"
            assert len(differences(turned)) == 1, f"{name} on {kernel}"


def test_since():
    """what came between 6.12 and 7.2 came with one kernel and stayed"""
    lines = list(RECORDED)
    for name, first in SINCE.items():
        at = lines.index(first)
        assert [RECORDED[line][name] for line in lines] == \
            ["no"] * at + ["yes"] * (len(lines) - at), name


def test_lines():
    """every kernel of kernels.yaml that the matrix runs on is recorded"""
    missing = [k["line"] for k in kernels.read() if k["line"] not in RECORDED]
    assert not missing, missing


def test_table():
    """docs/kernels.md has the table of what is recorded"""
    text = (TOP / "docs" / "kernels.md").read_text(encoding="utf-8")
    table = text.partition(BEGIN)[2].partition(END)[0]
    assert table.strip() == facts.table(RECORDED).strip(), \
        "put there what kernel-matrix/facts-table prints"


def test_order():
    """kernels are in the order of their numbers"""
    lines = ["7.10", "7.3-rc", "5.10", "7.3", "6.9", "6.12"]
    assert sorted(lines, key=facts.line_key) == ["5.10", "6.9", "6.12", "7.3", "7.3-rc", "7.10"]


def test_not_facts():
    """a file that is something else is refused"""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write("schema: overmount.policy/1\n")
        f.flush()
        tap.raises(Trouble, "its schema is not overmount.facts/1", facts.read, Path(f.name))


tap.run(globals())
