# SPDX-License-Identifier: LGPL-2.1-or-later
"""`overmount layout --compat snapd` accepts what snapd does: layouts of the corpus and random ones.

Asked is `snap pack --check-skeleton`, which validates a snap.yaml: the snap of the PATH, or what
OM_SNAP names.  A sample in make check; OM_SNAPD=full asks for all of the corpus and for 5,000
random ones, OM_SNAPD_SEED=N for others.
"""

import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "matrix"))
import tap  # noqa: E402

SNAP = os.environ.get("OM_SNAP") or shutil.which("snap")
OVERMOUNT = os.environ.get("OVERMOUNT", "build/overmount")
FULL = os.environ.get("OM_SNAPD") == "full"
SEED = int(os.environ.get("OM_SNAPD_SEED", "1"))
WORK = tempfile.TemporaryDirectory(prefix="om-snapd-")
# Off-limits since a later snapd only: what the one at hand says of them is not compared.
LATER = ("/var/run", "/usr/lib/firmware", "/usr/lib/modules")

TARGETS = """
/usr/x /usr/x/y /usr /etc/foo /etc/foo/ /etc//foo /etc/./foo /etc/../foo usr/x / // /. /.. /var/lib
/var /var/lib/snapd /var/lib/snapd/x /var/snap/app /home /home/x /dev /run/x /var/run /var/run/x
/lib/modules /lib/modules-x /usr/lib/firmware /usr/lib/modules/x /lib /lib32 /lib64/x /libx32 /meta
/writable/x /snap /snap/app /snap/app/1 /snap/app2 /snap/application/x /snap/other/x /snapx $SNAP
$SNAP/x $SNAP/x/y $SNAP/ $SNAPx $SNAP1 $SNAP1/x $SNAP_DATA/x $SNAP_COMMON $SNAP_USER_DATA/x
${SNAP}/x /usr/$SNAP /usr$SNAP /usr/x$ $ $$ $1 $* $SNAP$SNAP /usr/a"b /usr/a* /usr/[a] /usr/{a,b}
/usr/^ /usr/a? /usr/é /usr/a,b /usr/@x /usr/#x /mnt /opt/x /root /sbin/x /srv/x /bin /nix /nix/x
/USR /usr/x/.. /tmp /media/x /boot /lost+found /proc/1 /sys /etc/foo.conf /etc/foobar
/snap/app/unset/x /snap/app/unset
""".split() + ["", "/usr/a b", "/usr/a\tb", "/usr/a\nb"]
SOURCES = """
$SNAP/x $SNAP $SNAP/ $SNAP/x/ $SNAP//x $SNAP/../x $SNAP/./x $SNAP_DATA/x $SNAP_DATA $SNAP_COMMON/y
$SNAP_COMMON $SNAP_COMMONx $SNAPx $SNAP1 $SNAP1/x $SNAP_DATA1 $SNAP_USER_DATA/x $SNAP_USER_COMMON
${SNAP}/x /etc / x $ $BAR /snap/app/unset/x /snap/app/unset /snap/app/unsetx /snap/app /snap/app/2
/var/snap/app/unset/x /var/snap/app/common/x /var/snap/app/commonx /var/snap/other/common $SNAP/a*
$SNAP/a"b $SNAP/[a] $SNAP/{a,b} $SNAP/^x $SNAP/a,b $SNAP/@x $SNAP/$SNAP $SNAP$SNAP $SNAP/x$ $SNAP/$$
$SNAP/é
""".split() + ["", "$SNAP/a b"]
MODES = """
755 0755 1777 01777 02755 7777 0 00 888 -1 +755 0o755 0x1ff 4294967295 37777777777 40000000000
40000000000000000000000 7_55 null ~
""".split() + ["", " 755"]
OWNERS = ["root", "", "nobody", "0", "1000", "null", "~", "Root"]
TYPES = ["tmpfs", "ext4", "", "TMPFS", "none", "null", "~", "tmpfs "]


def run(command: list) -> int:
    quiet = {"stdin": subprocess.DEVNULL, "capture_output": True}
    return subprocess.run(command, timeout=60, **quiet).returncode


def snapd(text: str) -> bool:
    """What snapd says."""
    meta = Path(WORK.name) / "snap" / "meta"
    meta.mkdir(parents=True, exist_ok=True)
    (meta / "snap.yaml").write_text(text.replace("name:", "version: 1\nname:", 1))
    command = [SNAP, "pack", "--check-skeleton", str(meta.parent)]
    return run(command) == 0


def ours(text: str, *arguments: str) -> bool:
    """What we say in snapd's mode, or in another one."""
    path = Path(WORK.name) / "snap.yaml"
    path.write_text(text)
    command = [OVERMOUNT, "layout", *(arguments or ("--compat", "snapd")), str(path)]
    status = run(command)
    assert status in (0, 1), f"exit status {status}"
    return status == 0


def scalar(choice: random.Random, text: str) -> str:
    """As YAML: plain where that is possible, quoted now and then all the same."""
    if text in ("null", "~"):
        return text
    if choice.random() < 0.5 and re.fullmatch(r"[A-Za-z0-9/$_.]+", text):
        return text
    return json.dumps(text, ensure_ascii=choice.random() < 0.5)


def item(choice: random.Random) -> str:
    keys = ["bind", "bind-file", "symlink", "type"]
    count = choice.choices([1, 0, 2], [20, 1, 1])[0]
    pairs = []
    for key in choice.sample(keys, count):
        usual, odd = ("tmpfs", TYPES) if key == "type" else ("$SNAP/x", SOURCES)
        pairs.append((key, choice.choice(odd) if choice.random() < 0.5 else usual))
    others = (("mode", MODES, 0.15), ("user", OWNERS, 0.1), ("group", OWNERS, 0.1), ("bond", ["x"], 0.03))
    for key, values, often in others:
        if choice.random() < often:
            pairs.append((key, choice.choice(values)))
    choice.shuffle(pairs)
    return "{" + ", ".join(f"{key}: {scalar(choice, value)}" for key, value in pairs) + "}"


def document(seed: int) -> str:
    choice = random.Random(seed)
    text = "name: app\nlayout:\n"
    for _ in range(choice.choice([1, 1, 1, 2, 2, 3, 4])):
        target = choice.choice(TARGETS) if choice.random() < 0.7 else f"/usr/t{choice.randrange(9)}"
        value = choice.choice(["", "~", "[]", "x", "5"]) if choice.random() < 0.02 else item(choice)
        text += f"  {scalar(choice, target)}: {value}\n"
    return text


def corpus() -> list:
    folder = tap.TOP / "tests" / "corpus"
    texts = [path.read_text() for path in sorted((folder / "yaml").glob("*.yaml"))]
    return texts + re.split(r"(?m)^(?=---)", (folder / "variants.yaml").read_text())[1:]


def is_comparable(text: str) -> bool:
    return not any(path in text for path in OLD)


def differences(texts, theirs=snapd, mine=ours) -> list:
    return [text for text in texts if is_comparable(text) and theirs(text) != mine(text)]


def test_corpus():
    """The layouts of real snaps."""
    texts = corpus()
    assert len(texts) == 667, len(texts)
    # Those that are refused are always among them.
    refused = [text for text in texts if not ours(text)]
    assert len(refused) == 9, len(refused)
    found = differences(texts if FULL else texts[::20] + refused)
    assert not found, found[0]


def test_random():
    """Random layouts."""
    texts = [document(SEED + n) for n in range(5000 if FULL else 300)]
    accepted = sum(map(ours, texts))
    assert len(texts) / 20 < accepted < len(texts) / 2, f"a poor choice: {accepted} are good"
    found = differences(texts)
    assert not found, f"{len(found)} of {len(texts)}, such as:\n{found[0]}"


def test_control_of_acceptance():
    """Control: a snapd that accepts everything is noticed, and so is one that accepts nothing."""
    texts = [document(SEED + n) for n in range(30)]
    assert differences(texts, theirs=lambda text: True)
    assert differences(texts, theirs=lambda text: False)


def test_control_of_the_mode():
    """Control: our own mode is noticed."""
    holes = [f"name: app\nlayout:\n  {hole}\n" for hole in ("/var/lib: {type: tmpfs}", "/: {bind: $SNAP}")]
    assert differences(holes, mine=lambda text: ours(text, "--name", "app")) == holes
    assert not differences(holes)


if not SNAP:
    print("1..0 # SKIP there is no snap: install snapd, or name its program with OM_SNAP")
    sys.exit(0)
OLD = tuple(path for path in LATER if snapd(f"name: app\nlayout:\n  {path}: {{type: tmpfs}}\n"))
tap.run(globals())
