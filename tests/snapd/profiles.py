# SPDX-License-Identifier: LGPL-2.1-or-later
"""Profiles as snapd writes them, and what there is before they are applied.

A case is a name, the name of the snap's instance, what is there beforehand and the profiles that
are applied one after the other.  The same seed gives the same cases.
"""

import os
import random
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

LAYOUT = "x-snapd.origin=layout"


@dataclass
class Entry:
    """A line of a profile."""

    source: str
    target: str
    kind: str  # dir, file, link, tmpfs
    options: str
    origin: str = ""  # layout, overname, or of an interface

    def line(self) -> str:
        fields = [self.source, self.target, "tmpfs" if self.kind == "tmpfs" else "none", self.options]
        return " ".join(f.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")
                        for f in fields) + " 0 0\n"


@dataclass
class Case:
    name: str
    snap: str
    spec: str
    profiles: list[list[Entry]]
    texts: list[str] = field(default_factory=list)

    def __post_init__(self):
        self.texts = ["".join(e.line() for e in p) for p in self.profiles]


class World:
    """Names that are there beforehand: what is first there under a name stays."""

    def __init__(self):
        self.names: dict[str, str] = {}

    def _free(self, path: str) -> bool:
        """Is the name free, and everything above it a directory?  Makes what is above it."""
        if path in self.names:
            return False
        parent = os.path.dirname(path)
        if parent and parent not in ("base", "snap", "host"):
            if parent not in self.names:
                self.directory(parent)
            return self.names.get(parent, "").startswith("d\t")
        return True

    def directory(self, path: str, mode=0o755, uid=0, gid=0) -> None:
        if self._free(path):
            self.names[path] = f"d\t{path}\t{mode:o}\t{uid}\t{gid}"

    def file(self, path: str, text="", mode=0o644, uid=0, gid=0) -> None:
        if self._free(path):
            self.names[path] = f"f\t{path}\t{mode:o}\t{uid}\t{gid}\t{text or 'of ' + path}"

    def link(self, path: str, target: str) -> None:
        if self._free(path):
            self.names[path] = f"l\t{path}\t{target}"

    def spec(self) -> str:
        # A directory that was named comes before what is below it.
        return "".join(line + "\n" for _, line in sorted(self.names.items()))


def place(path: str) -> str:
    """Where a path of the namespace is in the world."""
    for host in ("/etc", "/home", "/root", "/tmp", "/run", "/media", "/var/snap", "/var/tmp",
                 "/var/lib/snapd"):
        if path == host or path.startswith(host + "/"):
            return "host" + path
    if path == "/snap" or path.startswith("/snap/"):
        return path[1:]
    for link, target in (("/lib/", "/usr/lib/"), ("/bin/", "/usr/bin/"), ("/sbin/", "/usr/sbin/")):
        if path.startswith(link):
            return "base" + target + path[len(link):]
    return "base" + path


def base_world(snap: str) -> World:
    """A base, a host and the snap, before anything of a profile is there."""
    w = World()
    for name in """dev proc sys run tmp home root media mnt opt srv snap etc boot meta writable
            usr/bin usr/sbin usr/lib/x86_64-linux-gnu/gio usr/share/kept/deep usr/share/fonts/truetype
            usr/share/man usr/libexec usr/include usr/local/share usr/local/lib usr/src usr/games
            var/lib/apt var/lib/dpkg var/cache var/log var/spool var/snap var/tmp var/lib/snapd
            """.split():
        w.directory("base/" + name)
    for link in ("bin", "lib", "sbin"):
        w.link("base/" + link, "usr/" + link)
    for name in """usr/bin/tool usr/lib/libc.so usr/lib/x86_64-linux-gnu/libm.so usr/share/file
            usr/share/kept/rgb.txt usr/share/fonts/truetype/a.ttf var/lib/apt/list opt/file srv/file
            usr/libexec/helper var/cache/file mnt/file usr/local/share/file""".split():
        w.file("base/" + name)
    w.link("base/usr/lib/libm.so", "x86_64-linux-gnu/libm.so")
    w.link("base/usr/share/dangling", "/nowhere")
    w.directory("base/usr/share/closed", 0o700, 7, 8)
    w.file("base/usr/share/closed/secret", mode=0o600, uid=7, gid=8)
    w.directory("base/var/spool/cron", 0o1730, 0, 8)
    w.directory("base/usr/share/open", 0o1777)
    for name in ("passwd", "hostname", "ssl/certs/ca.pem", "alternatives/editor", "fonts/fonts.conf"):
        w.file("host/etc/" + name)
    w.link("host/etc/resolv.conf", "../run/resolv.conf")
    w.file("host/etc/shadow", mode=0o640, gid=42)
    for name in ("var/tmp", "tmp"):
        w.directory("host/" + name, 0o1777)
    for name in ("home/u", "root", "media", f"var/snap/{snap}/1", f"var/snap/{snap}/common"):
        w.directory("host/" + name)
    for revision in ("1", "2"):
        w.file(f"snap/{snap}/{revision}/meta/snap.yaml")
        w.file(f"snap/{snap}/{revision}/bin/app", mode=0o755)
        for name in ("a", "b"):
            w.file(f"snap/other/{revision}/{name}/content", f"{name} of {revision}")
    w.link(f"snap/{snap}/current", "1")
    w.directory("host/var/snap/other/common/data")
    w.file("host/var/snap/other/common/data/file")
    return w


# How often something is as one would not expect it.
MISSING, OTHER_KIND, THERE = 0.12, 0.005, 0.25


def fill(w: World, profiles: list[list[Entry]], rng: random.Random) -> None:
    """Sources, mostly, and some of the targets."""
    for entry in (e for p in profiles for e in p):
        chance = rng.random()
        if entry.origin == "overname":
            continue
        if entry.kind in ("dir", "file") and chance >= MISSING:
            kind = entry.kind
            if chance < MISSING + OTHER_KIND:
                kind = "file" if kind == "dir" else "dir"
            put(w, place(entry.source), kind)
        chance = rng.random()
        if chance < THERE:
            put(w, place(entry.target), {"tmpfs": "dir"}.get(entry.kind, entry.kind),
                entry.options.partition("symlink=")[2].partition(",")[0])
        elif chance < THERE + OTHER_KIND:
            put(w, place(entry.target), "file" if entry.kind in ("dir", "tmpfs") else "dir")
        elif chance < 0.6:
            w.directory(os.path.dirname(place(entry.target)))


def put(w: World, path: str, kind: str, link: str = "") -> None:
    if kind == "link":
        w.link(path, link or "/a/link")
    elif kind == "file":
        w.file(path)
    else:
        w.file(path + "/inside")
        w.directory(path + "/empty")


# --- Layouts of real snaps ------------------------------------------------------------------------


def decode_line(line: str) -> list[str]:
    """Source, target, type and options."""
    return [f.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\")
            for f in line.split()[:4]]


def parse_line(line: str) -> Entry:
    source, target, kind, options = decode_line(line)
    if "x-snapd.kind=file" in options:
        kind = "file"
    elif "x-snapd.kind=symlink" in options:
        kind = "link"
    elif kind != "tmpfs":
        kind = "dir"
    return Entry(source, target, kind, options, "layout")


def compiled(overmount: str, yaml: str) -> list[Entry] | None:
    """The profile of a snap.yaml, or None when snapd would not take it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(yaml)
        f.flush()
        r = subprocess.run([overmount, "layout", "--compat", "snapd", "--revision", "1", f.name],
                           capture_output=True, text=True, check=False)
    return [parse_line(line) for line in r.stdout.splitlines()] if r.returncode == 0 else None


def snap_name(yaml: str) -> str:
    return next(line.split()[1] for line in yaml.splitlines() if line.startswith("name:"))


def make_case(name: str, snap: str, profiles: list[list[Entry]], seed: str) -> Case:
    rng = random.Random(seed)
    w = base_world(snap.split("_")[0])
    if "_" in snap:
        key = snap
        w.file(f"snap/{key}/1/meta/instance")
        w.directory(f"host/var/snap/{key}/1")
        w.directory(f"host/var/snap/{key}/common")
    fill(w, profiles, rng)
    return Case(name, snap, w.spec(), profiles)


def sample(things: list, count: int | None) -> list:
    """Some of them, from all over the list, and always the same ones."""
    if count is None or count >= len(things):
        return things
    return [things[i * len(things) // count] for i in range(count)]


def of_corpus(overmount: str, corpus: Path, count: int | None) -> list[Case]:
    """The layouts of 200 snaps."""
    cases = []
    for path in sample(sorted((corpus / "yaml").glob("*.yaml")), count):
        text = path.read_text()
        profile = compiled(overmount, text)
        if profile:
            snap = snap_name(text)
            cases.append(make_case(f"corpus {path.stem}", snap, [profile], path.stem))
    return cases


def of_versions(overmount: str, corpus: Path, count: int | None) -> list[Case]:
    """What a snap's layouts became: from each version to the next one, and back."""
    texts = [t for t in (corpus / "variants.yaml").read_text().split("\n---") if "name:" in t]
    cases = []
    for i in sample(list(range(len(texts))), count):
        snap, profile, before = snap_name(texts[i]), compiled(overmount, texts[i]), None
        if i > 0 and snap_name(texts[i - 1]) == snap:
            before = compiled(overmount, texts[i - 1])
        if profile:
            cases.append(make_case(f"version {i} {snap}", snap,
                                   [before, profile, before] if before else [profile],
                                   f"version {i}"))
    return cases


# --- Random ones ----------------------------------------------------------------------------------

ROOTS = """/usr/share /usr/lib /usr/lib/x86_64-linux-gnu /usr /opt /etc /var/lib /var/cache /usr/local
/mnt /srv /var/spool /usr/share/kept /usr/share/fonts $S $S $S/usr/share $S/usr/lib $S/content
""".split()
NAMES = "a b c d fonts kept file ssl truetype lib x86_64-linux-gnu content share".split()


def below(a: str, b: str) -> bool:
    return a == b or a.startswith(b + "/")


def random_path(rng: random.Random, roots: list[str], most: int) -> str:
    return "/".join([rng.choice(roots)] + [rng.choice(NAMES) for _ in range(rng.randint(1, most))])


def random_layout(rng: random.Random, snap: str) -> Entry:
    here = f"/snap/{snap}/1"
    target = random_path(rng, [r.replace("$S", here) for r in ROOTS], rng.choice((1, 1, 1, 2, 3)))
    source = random_path(rng, [here, here, here + "/usr", here + "/content", f"/var/snap/{snap}/common",
                               f"/var/snap/{snap}/1"], 2)
    kind = rng.choice("dir dir dir file file link link tmpfs".split())
    if kind == "link":
        return Entry("none", target, kind, f"x-snapd.kind=symlink,x-snapd.symlink={source},{LAYOUT}",
                     "layout")
    if kind == "tmpfs":
        mode = rng.choice(("", "", "x-snapd.mode=0700,"))
        return Entry("tmpfs", target, kind, mode + LAYOUT, "layout")
    options = "bind,rw,x-snapd.kind=file" if kind == "file" else "rbind,rw"
    return Entry(source, target, kind, f"{options},{LAYOUT}", "layout")


def random_content(rng: random.Random, snap: str) -> Entry:
    here = f"/snap/{snap}/1"
    target = random_path(rng, [here, here, here + "/content", here + "/usr/share"], 1)
    source = rng.choice(["/snap/other/1/a", "/snap/other/1/b", "/snap/other/2/a",
                         "/var/snap/other/common/data", "/var/snap/other/common/new",
                         "/snap/other/1/missing"])
    return Entry(source, target, "dir", "bind" if source.startswith("/var") else "bind,ro")


def fits(profile: list[Entry], entry: Entry) -> bool:
    """snapd takes no layout at or below another one, and gives a name only once."""
    if below(entry.source, entry.target) or below(entry.target, entry.source):
        return False
    for other in profile:
        if other.target == entry.target:
            return False
        if other.origin == entry.origin == "layout" and (
                below(entry.target, other.target) or below(other.target, entry.target)):
            return False
    return True


def random_entry(rng: random.Random, snap: str) -> Entry:
    return random_content(rng, snap) if rng.random() < 0.3 else random_layout(rng, snap)


def in_order(profile: list[Entry]) -> list[Entry]:
    order = {"overname": 0, "layout": 1, "": 2}
    return sorted(profile, key=lambda e: (order[e.origin], e.target))


def random_profile(rng: random.Random, snap: str) -> list[Entry]:
    name = snap.split("_")[0]
    profile = []
    if name != snap:
        for directory in ("/snap", "/var/snap"):
            profile.append(Entry(f"{directory}/{snap}", f"{directory}/{name}", "dir",
                                 "rbind,x-snapd.origin=overname", "overname"))
    for _ in range(rng.choice((1, 2, 3, 3, 4, 5, 6, 8))):
        entry = random_entry(rng, name)
        if fits(profile, entry):
            profile.append(entry)
    return in_order(profile)


def changed(rng: random.Random, snap: str, profile: list[Entry]) -> list[Entry]:
    """What an update might make of it."""
    name, now = snap.split("_")[0], []
    for entry in profile:
        chance = rng.random()
        if entry.origin == "overname" or chance < 0.6:
            now.append(entry)
        elif chance < 0.8:
            other = random_entry(rng, name)
            if other.kind == entry.kind and other.origin == entry.origin:
                now.append(Entry(other.source, entry.target, entry.kind, other.options, entry.origin))
    for _ in range(rng.choice((0, 0, 1, 2))):
        entry = random_entry(rng, name)
        if fits(now, entry):
            now.append(entry)
    return in_order([e for e in now if fits([o for o in now if o is not e], e)])


def of_chance(seed: int, count: int) -> list[Case]:
    cases = []
    for i in range(count):
        rng = random.Random(f"{seed} {i}")
        snap = "foo_bar" if rng.random() < 0.1 else "foo"
        profiles = [random_profile(rng, snap)]
        if rng.random() < 0.5:
            profiles.append(changed(rng, snap, profiles[0]))
        cases.append(make_case(f"random {seed}/{i}", snap, profiles, f"{seed} {i} world"))
    return cases
