# SPDX-License-Identifier: LGPL-2.1-or-later
"""What snapd's own snap-update-ns and ours leave, name by name, in namespaces that are the same.

usage: differential.py WORLD THEIRS OURS OVERMOUNT CORPUS [--random N] [--corpus N] [--versions N]
                       [--seed N] [--case NAME]... [--all] [--verbose] [--control]

Both are started by WORLD (world.c).  What differs must be in differences.txt, by an id that is
given here: each explanation looks at the very name that differs.  In an update that the original
does wrong, what it makes of the same profile in a new namespace counts.  With --all an id that
nothing has is a failure.  Exit status 1: something differs and has no id.  With --control it is
tried whether the comparison notices what it must.
"""

import argparse
import collections
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True
import profiles  # noqa: E402

FIELDS = "type mode uid gid writable fs device rest".split()
EMPTY = "cbf29ce484222325"
FREE = ("/tmp", "/var/snap", "/var/tmp")


@dataclass
class Step:
    """What there was after a run."""

    status: int
    said: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    tree: dict[str, dict[str, str]] = field(default_factory=dict)

    def lines(self):
        """The current profile: target, type and options."""
        for line in self.current:
            _, target, kind, options = profiles.decode_line(line)
            yield target, kind, options


@dataclass
class Pair:
    """One profile, and what the two have made of it."""

    profile: list[profiles.Entry]
    theirs: Step
    ours: Step


@dataclass
class Difference:
    path: str
    what: str  # the field, or name, or status
    theirs: str | None
    ours: str | None

    def __str__(self):
        return f"{self.path} {self.what}: {self.theirs} with the original, {self.ours} with us"


def run_world(args, tool: str, case: profiles.Case, texts: list[str]) -> list[Step]:
    with tempfile.TemporaryDirectory(prefix="om-differential-") as work:
        spec = Path(work) / "spec"
        spec.write_text(case.spec)
        names = []
        for i, text in enumerate(texts):
            names.append(f"{work}/profile.{i}")
            Path(names[-1]).write_text(text)
        r = subprocess.run([args.world, str(spec), tool, case.snap, *names], capture_output=True,
                           text=True, errors="surrogateescape", timeout=120, check=False)
    if r.returncode != 0 or "world: cannot" in r.stdout:
        raise RuntimeError(f"{case.name}: {r.stderr.strip() or r.stdout[:400]}")
    return parse(r.stdout)


def parse(text: str) -> list[Step]:
    steps: list[Step] = []
    for line in text.splitlines():
        head, _, rest = line.partition(" ")
        if head == "step":
            steps.append(Step(int(rest.split()[1])))
        elif head in ("said", "current"):
            getattr(steps[-1], head).append(rest)
        elif rest.startswith("!"):
            steps[-1].tree[head] = {"type": rest}
        else:
            steps[-1].tree[head] = dict(zip(FIELDS, rest.split(" ", len(FIELDS) - 1)))
    return steps


def differences(theirs: Step, ours: Step) -> list[Difference]:
    if theirs.status != ours.status:
        return [Difference("", "status", f"{theirs.status} {' '.join(theirs.said)}"[:400],
                           f"{ours.status} {' '.join(ours.said)}"[:400])]
    # What is there after a failure is told in docs/snapd.md, and is not the same.
    if theirs.status:
        return []
    found = []
    for path in sorted(theirs.tree.keys() | ours.tree.keys()):
        a, b = theirs.tree.get(path), ours.tree.get(path)
        if a is None or b is None:
            found.append(Difference(path, "name", a and a["type"], b and b["type"]))
            continue
        for name in FIELDS:
            if name not in ("fs", "device") and a.get(name) != b.get(name):
                found.append(Difference(path, name, a.get(name), b.get(name)))
    return found


# --- Explanations ---------------------------------------------------------------------------------
# Each is given a difference and the pair that it is of, and says whether it is the one.


def ancestors(path: str):
    while path not in ("", "/"):
        yield path
        path = path.rpartition("/")[0]


def shown_at(pair: Pair, path: str) -> list[str]:
    """The path, and what it is a view of: by entries of the profile, again and again."""
    found = [path]
    for place in found:
        for entry in pair.profile:
            if entry.kind in ("dir", "file") and profiles.below(place, entry.target):
                other = entry.source + place[len(entry.target):]
                if other not in found and len(found) < 16:
                    found.append(other)
    return found


def is_in_mimic(pair: Pair, path: str) -> bool:
    """Is it on the tmpfs of a mimic of the original's, or a view of that?"""
    tree = pair.theirs.tree
    for target, kind, options in pair.theirs.lines():
        if kind == "tmpfs" and "x-snapd.synthetic" in options and target in tree and \
                tree[target].get("device") == tree[path].get("device"):
            return any(profiles.below(p, target) for p in shown_at(pair, path)) or \
                any(tree[p].get("device") == tree[target].get("device") for p in ancestors(path)
                    if p in tree)
    return False


def hole(d: Difference, pair: Pair) -> bool:
    return d.what == "writable" and (d.theirs, d.ours) == ("w", "r") and \
        pair.theirs.tree[d.path]["type"] == "d" and is_in_mimic(pair, d.path)


def tmpfs_mode(d: Difference, pair: Pair) -> bool:
    if d.what != "mode" or d.theirs != "1777":
        return False
    for entry in pair.profile:
        mode = re.search(r"x-snapd\.mode=(0[0-7]+)", entry.options)
        if entry.kind == "tmpfs" and entry.target in shown_at(pair, d.path) and \
                d.ours == f"{int(mode.group(1), 8) if mode else 0o755:04o}":
            return True
    return False


def failed_place(d: Difference, pair: Pair) -> bool:
    failed = [e for e in pair.profile if any(f"({e.source} {e.target} " in s for s in pair.theirs.said)]
    # It may be in the way of a layout then.
    if d.what == "status":
        return d.ours.startswith("0") and any(f'"{e.target}" as ' in d.theirs for e in failed)
    if d.what != "name" or (d.theirs, d.ours) not in (("d", None), ("f", None)):
        return False
    return any(profiles.below(e.target, p) for e in failed for p in shown_at(pair, d.path))


def written_through(d: Difference, pair: Pair) -> bool:
    """What was made for a target, in what another entry shows there."""
    if d.what != "name" or d.ours is not None or d.theirs not in ("d", "f", "l"):
        return False
    for entry in pair.profile:
        if entry.kind != "dir" or not profiles.below(d.path, entry.source):
            continue
        there = entry.target + d.path[len(entry.source):]
        for other in pair.profile:
            if other is not entry and (profiles.below(other.target, there) or
                                       profiles.below(other.source, there)):
                return True
    return False


def alike(a: dict | None, b: dict | None) -> bool:
    return a is not None and b is not None and \
        all(a.get(f) == b.get(f) for f in FIELDS if f not in ("fs", "device"))


def order(d: Difference, pair: Pair) -> bool:
    """It depends on which of two entries came first, of which one is in the source of the other."""
    theirs, ours = pair.theirs.tree, pair.ours.tree
    for place in shown_at(pair, d.path)[1:]:
        if any(profiles.below(place, e.target) for e in pair.profile) and (
                alike(ours.get(d.path), ours.get(place)) or alike(theirs.get(d.path), theirs.get(place))):
            return True
    return False


def content_first(d: Difference, pair: Pair) -> bool:
    """Content is there before a layout has made a source in its place, or in it."""
    if d.what == "name" and d.theirs is None:
        return any(e.origin == "layout" and e.source in shown_at(pair, d.path) and
                   any(c.origin == "" and profiles.below(e.source, c.target) for c in pair.profile)
                   for e in pair.profile)
    return d.what == "status" and d.theirs.startswith("0") and any(
        f"({e.source} {e.target} " in s and f'"{e.target}"' in d.ours
        for e in pair.profile if e.origin == "" for s in pair.theirs.said)


def of_host(d: Difference, _: Pair) -> bool:
    return d.what == "status" and "because it would affect the host in " in d.theirs and \
        d.ours.startswith("0")


def link_on_the_way(d: Difference, pair: Pair) -> bool:
    links = [e.target + "/" for e in pair.profile if e.kind == "link"] + ["/lib/", "/bin/", "/sbin/"]
    return d.what == "status" and "not a directory" in d.theirs and d.ours.startswith("0") and \
        any(p.startswith(tuple(links)) for e in pair.profile for p in (e.target, e.source))


def made_file_mode(d: Difference, pair: Pair) -> bool:
    return d.what == "mode" and (d.theirs, d.ours) == ("0755", "0644") and \
        pair.theirs.tree[d.path].get("rest") == EMPTY and \
        any(e.kind == "file" and e.source in shown_at(pair, d.path) for e in pair.profile)


EXPLANATIONS = {
    "hole-read-only": hole,
    "tmpfs-mode": tmpfs_mode,
    "failed-place": failed_place,
    "written-through": written_through,
    "order-by-path": order,
    "content-first": content_first,
    "host-directory": of_host,
    "link-on-the-way": link_on_the_way,
    "made-file-mode": made_file_mode,
}
# Found by another run, not by a look at the name.
STALE = "update-in-place"


def explain(pair: Pair, used: collections.Counter) -> list[Difference]:
    """What has no explanation; the ids of what has one are counted."""
    left, ids = [], collections.Counter()
    for d in differences(pair.theirs, pair.ours):
        found = next((name for name, f in EXPLANATIONS.items() if f(d, pair)), None)
        if found:
            ids[found] += 1
        else:
            left.append(d)
    if not left:
        used.update(ids)
    return left


def kept_places(pair: Pair, left: list[Difference], *before: Step) -> list[Difference]:
    """Without the names that an earlier profile made for good."""
    return [d for d in left if not (d.what == "name" and d.ours in ("d", "f") and
                                    any(p.startswith(FREE) for p in shown_at(pair, d.path)) and
                                    any(d.path in s.tree for s in before))]


def compare(args, case: profiles.Case, used: collections.Counter) -> list[str]:
    """What differs without an explanation, in words."""
    theirs = run_world(args, args.theirs, case, case.texts)
    ours = run_world(args, args.ours, case, case.texts)
    out = []
    for i, (a, b) in enumerate(zip(theirs, ours)):
        args.runs += 1
        args.failed += a.status != 0 and b.status != 0
        left = explain(Pair(case.profiles[i], a, b), used)
        if left and i > 0:
            fresh = run_world(args, args.theirs, case, [case.texts[i]])[0]
            pair = Pair(case.profiles[i], fresh, b)
            left = kept_places(pair, explain(pair, used), a, ours[i - 1])
            used[STALE] += not left
        out += [f"{case.name}, profile {i}: {d}" for d in left]
    return out


def spoilt(step: Step, path: str, name: str) -> Step | None:
    """The same step, where one thing about one name is otherwise; None: it has no such thing."""
    tree = dict(step.tree)
    if name == "name":
        del tree[path]
    elif name not in tree[path] or (name == "writable" and tree[path][name] != "r"):
        return None
    else:
        tree[path] = dict(tree[path], **{name: "w" if name == "writable" else tree[path][name] + "0"})
    return Step(step.status, step.said, step.current, tree)


def control(args, case: profiles.Case) -> tuple[int, int]:
    """Whatever is otherwise about any name has to be noticed: how often it is tried, and is not."""
    theirs = run_world(args, args.theirs, case, case.texts)
    ours = run_world(args, args.ours, case, case.texts)
    tried = missed = 0
    for profile, a, b in zip(case.profiles, theirs, ours):
        if a.status or b.status or explain(Pair(profile, a, b), collections.Counter()):
            break
        for path in b.tree:
            for name in ("name", "type", "mode", "uid", "gid", "writable", "rest"):
                spoil = spoilt(b, path, name)
                # Spoilt to what the original has, it is not.
                if spoil is None or path not in a.tree or not differences(b, spoil) or \
                        spoil.tree.get(path, {}).get(name) == a.tree[path].get(name):
                    continue
                tried += 1
                missed += not explain(Pair(profile, a, spoil), collections.Counter())
    return tried, missed


def leave_out(args, case: profiles.Case) -> tuple[int, int]:
    """One that leaves an entry out: how often it is tried, and not noticed."""
    theirs = run_world(args, args.theirs, case, case.texts[:1])[0]
    whole = run_world(args, args.ours, case, case.texts[:1])[0]
    if theirs.status or whole.status or theirs.said or whole.said:
        return 0, 0
    tried = missed = 0
    for entry in case.profiles[0]:
        text = "".join(e.line() for e in case.profiles[0] if e is not entry)
        part = run_world(args, args.ours, case, [text])[0]
        # A link that is there already is there without its entry.
        if not differences(whole, part):
            continue
        tried += 1
        missed += not explain(Pair(case.profiles[0], theirs, part), collections.Counter())
    return tried, missed


def read_differences() -> set[str]:
    lines = (HERE / "differences.txt").read_text().splitlines()
    return {line.split("\t")[0] for line in lines if line and not line.startswith("#")}


def find_cases(args) -> list[profiles.Case]:
    corpus = Path(args.corpus_dir)
    cases = profiles.of_corpus(args.overmount, corpus, args.corpus)
    cases += profiles.of_versions(args.overmount, corpus, args.versions)
    cases += profiles.of_chance(args.seed, args.random)
    return [c for c in cases if not args.case or c.name in args.case]


def main() -> int:
    p = argparse.ArgumentParser()
    for name in ("world", "theirs", "ours", "overmount", "corpus_dir"):
        p.add_argument(name)
    p.add_argument("--random", type=int, default=0)
    p.add_argument("--corpus", type=int)
    p.add_argument("--versions", type=int)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--case", action="append")
    p.add_argument("--all", action="store_true")
    p.add_argument("--verbose", action="store_true")
    p.add_argument("--control", action="store_true")
    args = p.parse_args()
    args.runs = args.failed = 0
    used: collections.Counter = collections.Counter()
    wrong = []
    cases = find_cases(args)
    if args.control:
        results = [f(args, case) for case in cases for f in (control, leave_out)]
        print(f"{sum(r[0] for r in results)} tried, {sum(r[1] for r in results)} not noticed")
        return 0
    for case in cases:
        found = compare(args, case, used)
        wrong += found
        if args.verbose and found:
            print("\n".join(found), flush=True)
    known = read_differences()
    wrong += [f"the id {name} is not in differences.txt" for name in used if name not in known]
    if args.all:
        wrong += [f"nothing has the id {name} of differences.txt" for name in sorted(known - used.keys())]
    print(f"{len(cases)} cases, {args.runs} profiles, {args.failed} of them fail with both; "
          f"{', '.join(f'{n} {name}' for name, n in sorted(used.items()))}")
    print("\n".join(wrong[:40]), file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
