# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a compiled AppArmor profile says, asked as the kernel asks it.

apparmor_parser makes automata of a profile: one of paths, one of everything else.  They are
read here by their documented layout (tables of a compressed automaton, big endian), so that a
question to a profile can be answered without a kernel that has AppArmor.
"""
import os
import shutil
import struct
import subprocess

MAGIC = 0x1B5E783D
ACCEPT, BASE, CHECK, DEFAULT, CLASSES, NEXT = 1, 2, 3, 4, 5, 8
WIDTH = {1: "B", 2: "H", 4: "I"}
DIFFERENTIAL = 0x80000000

CLASS_MOUNT = b"\x07"
MAY_MOUNT, MAY_UMOUNT = 0x2, 0x4
MS_REMOUNT, MS_BIND, MS_MOVE, MS_REC = 0x20, 0x1000, 0x2000, 0x4000
FILE = {"x": 0x1, "w": 0x2, "r": 0x4, "l": 0x10, "k": 0x20, "m": 0x40}


class Automaton:
    """One compressed automaton."""

    def __init__(self, blob):
        magic, header, size = struct.unpack(">III", blob[:12])
        if magic != MAGIC:
            raise ValueError("no automaton")
        tables = {}
        at = header
        while at + 12 <= min(size, len(blob)):
            ident, kind, high, low = struct.unpack(">HHII", blob[at:at + 12])
            count = low * (high or 1)
            at += 12
            tables[ident] = struct.unpack(
                f">{count}{WIDTH[kind]}", blob[at:at + count * kind])
            at = (at + count * kind + 7) & ~7
        self.accept, self.base = tables[ACCEPT], tables[BASE]
        self.check, self.default = tables[CHECK], tables[DEFAULT]
        self.next, self.classes = tables[NEXT], tables.get(CLASSES)

    def step(self, state, byte):
        if self.classes:
            byte = self.classes[byte]
        while True:
            base = self.base[state]
            at = (base & 0xFFFFFF) + byte
            if at < len(self.check) and self.check[at] == state:
                return self.next[at]
            state = self.default[state]
            if not base & DIFFERENTIAL:
                return state

    def run(self, data, state=1):
        for byte in data:
            state = self.step(state, byte)
        return state

    def allows(self, state):
        return self.accept[state]


def automata(binary):
    """Those of a compiled profile, in their order."""
    found = []
    at = binary.find(b"aadfa\0")
    while at >= 0:
        # A tag for "bytes", their number, and room to align them.
        start = at + len(b"aadfa\0")
        size = struct.unpack("<I", binary[start + 1:start + 5])[0]
        blob = binary[start + 5:start + 5 + size]
        found.append(Automaton(blob[blob.find(struct.pack(">I", MAGIC)):]))
        at = binary.find(b"aadfa\0", start + 5 + size)
    return found


class Policy:
    """The first profile of a text, compiled by a parser."""

    def __init__(self, parser, text):
        done = subprocess.run(parser + ["-S", "-K", "-T"], input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if done.returncode != 0:
            raise ValueError(done.stderr.decode("utf-8", "replace").strip())
        both = automata(done.stdout)
        self.rest, self.files = both[0], both[-1]

    def file(self, name, letters):
        """May all of that be done with the file?"""
        allowed = self.files.allows(self.files.run(name))
        return all(allowed & FILE[c] or allowed & FILE[c] << 14 for c in letters)

    def mount(self, target, source=b"", kind=b"", flags=0):
        state = self.rest.run(CLASS_MOUNT + target + b"\0" + source + b"\0" + kind + b"\0")
        for bit in range(32):
            if flags & 1 << bit:
                state = self.rest.step(state, bit + 1)
        return bool(self.rest.allows(state) & MAY_MOUNT)

    def umount(self, target):
        state = self.rest.run(CLASS_MOUNT + target)
        return bool(self.rest.allows(state) & MAY_UMOUNT)


def find_parser():
    """The parser's command line, with features that have all that is asked here; or why not."""
    program = os.environ.get("APPARMOR_PARSER") or shutil.which(
        "apparmor_parser", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not program:
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        program = f"{cache}/overmount-matrix/apparmor/sbin/apparmor_parser"
    if not os.access(program, os.X_OK):
        return None, "there is no apparmor_parser (or name one in APPARMOR_PARSER)"
    features = os.path.join(os.path.dirname(__file__), "apparmor-features")
    return [program, "--config-file=/dev/null", "--policy-features", features,
            "--kernel-features", features], None
