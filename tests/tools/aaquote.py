# SPDX-License-Identifier: LGPL-2.1-or-later
"""Do random paths, quoted, mean themselves and nothing else to the real parser?

Usage: aaquote.py QUOTE-PATH COUNT [--raw]

With --raw the paths are not quoted: the control, which must find paths that mean something else.
Exit status 1 when one does, 77 when there is no parser.
"""
import random
import subprocess
import sys

import aapolicy

WORDS = [b'"', b"\\", b"@{", b"}", b"{a,b}", b"*", b"**", b"?", b"[a-z]", b"^", b"#", b"\n",
         b",", b" ", b"\t", b"->", b"\xff", b"\x80", b"\\x41", b" r,\n /** rwx,\n", b"@{HOME}",
         b"${x}", b"|", b"%s", b"\xc3\xa9", b"@", b"$", b"(", b")", b"+", b"."]
CHUNK = 250


def random_path():
    parts = []
    for _ in range(random.randint(1, 3)):
        part = b""
        for _ in range(random.randint(1, 4)):
            byte = bytes([random.randint(1, 255)])
            part += random.choice(WORDS) if random.random() < 0.5 else byte
        part = part.replace(b"/", b"_")
        parts.append(b"x" if part in (b".", b"..") else part)
    return b"/" + b"/".join(parts)


def neighbours(path):
    """Names that are a little different, and must not be meant."""
    at = random.randrange(1, len(path))
    yield path[:at] + path[at + 1:]
    yield path[:at] + bytes([random.choice(b"abz019/ ")]) + path[at:]
    yield path[:at] + bytes([path[at] ^ 1 or 2]) + path[at + 1:]
    yield path + b"x"


def check(parser, paths, quoted):
    """The names of which the profile says what it should not."""
    rules = b"".join(b"  %s %s,\n" % (text, (b"r", b"w")[i % 2])
                     for i, text in enumerate(quoted))
    policy = aapolicy.Policy(parser, b"profile x {\n" + rules + b"}\n")
    meant = set(paths)
    for path in paths:
        if not policy.file(path, "r"):
            yield path, "cannot be read"
        if not policy.file(path + b"/", "w") or not policy.file(path + b"/a/b", "w"):
            yield path, "cannot be written below"
        for other in neighbours(path):
            if other not in meant and policy.file(other, "r"):
                yield path, f"lets {other!r} be read"
    # What an injected rule would permit.
    for other in (b"/", b"/etc/shadow", b"/home/a/b"):
        if other not in meant and policy.file(other, "r"):
            yield other, "can be read"


def main(arguments):
    tool, count = arguments[0], int(arguments[1])
    raw = arguments[2:] == ["--raw"]
    parser, reason = aapolicy.find_parser()
    if not parser:
        print(reason)
        return 77
    random.seed(1)
    bad = 0
    for start in range(0, count, CHUNK):
        paths = sorted({random_path() for _ in range(min(CHUNK, count - start))})
        if raw:
            quoted = [b'"' + path + end + b'"' for path in paths for end in (b"", b"/{,**}")]
        else:
            done = subprocess.run([tool], input=b"\0".join(paths) + b"\0",
                                  stdout=subprocess.PIPE, check=True)
            quoted = done.stdout.splitlines()
        try:
            for path, what in check(parser, paths, quoted):
                bad += 1
                if bad <= 10:
                    print(f"{path!r} {what}")
        except ValueError as e:
            bad += 1
            print(f"refused: {e}"[-300:])
        if bad and raw:
            break
    print(f"{count} paths, {bad} bad")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
