# SPDX-License-Identifier: LGPL-2.1-or-later
"""Would a profile have permitted what a program did?

Usage: aareplay.py [--needless [--masked]] PROFILE ROOT FAMILY TRACE...

Goes through traces (strace -f -y -v) of a program that ran in ROOT, a directory that would be
the root of its namespace, and asks the compiled PROFILE about each call as a kernel of FAMILY
(src/apparmor/rules.h) would.  Prints what would have been denied, one a line, and how many
questions there were; exit status 1 when something was denied.

With --needless it leaves out one rule after the other, and prints those without which nothing
would be denied.  What cannot be seen in a trace is not tried: capabilities, signals, labels,
and what the dynamic loader maps; nor, where calls were masked by a filter (--masked), what is
done only without one.
"""
import re
import sys

import aapolicy

CALL = re.compile(r"^(\d+) +(\w+)\((.*)\) += (.*)$")
FD = re.compile(r"^(-?\w+)<(.*)>(?:\(deleted\))?$", re.S)
STRING = re.compile(r'^"(.*)"(?:\.\.\.)?$', re.S)
MS = {"MS_RDONLY": 1, "MS_NOSUID": 2, "MS_NODEV": 4, "MS_NOEXEC": 8, "MS_REMOUNT": 0x20,
      "MS_NOATIME": 0x400, "MS_NODIRATIME": 0x800, "MS_BIND": 0x1000, "MS_MOVE": 0x2000,
      "MS_REC": 0x4000, "MS_UNBINDABLE": 1 << 17, "MS_PRIVATE": 1 << 18,
      "MS_SLAVE": 1 << 19, "MS_SHARED": 1 << 20, "MS_RELATIME": 1 << 21,
      "MS_STRICTATIME": 1 << 24}
TYPES = MS["MS_PRIVATE"] | MS["MS_SLAVE"] | MS["MS_SHARED"] | MS["MS_UNBINDABLE"]
SEES_MOVES = ("fd-move", "detached")
# What a kernel of the family does by another call, of which AppArmor sees nothing.
SETS_ATTRIBUTES = ("fd", "fd-move", "detached")


def split(text):
    """The arguments of a call; strings, descriptors and structures are whole."""
    found, depth, quoted, start = [], 0, False, 0
    at = 0
    while at < len(text):
        c = text[at]
        if quoted:
            at += c == "\\"
            quoted = c != '"'
        elif c == '"':
            quoted = True
        elif c in "[{<":
            depth += 1
        elif c in "]}>":
            depth -= 1
        elif c == "," and depth == 0:
            found.append(text[start:at].strip())
            start = at + 1
        at += 1
    found.append(text[start:].strip())
    return found


def unescape(text):
    return text.encode("latin-1", "backslashreplace").decode("unicode_escape") \
        .encode("latin-1")


class Replay:
    """What a trace asks: each question is about a file, a mount or an umount, with all that
    a policy has to be asked about it, one of which is to be permitted."""

    def __init__(self, root, family):
        self.root, self.family = root.encode(), family
        self.asked = []   # (kind, what to ask, what it is, where)
        self.fds = {}     # (process, number): path
        self.nested = []  # where something hangs in a tree that no namespace has
        self.dirs = {}    # path: whether it is a directory, where that was seen
        self.where = ""
        self.other = set()  # processes with a label of their own

    # --- names ---------------------------------------------------------------------

    def is_attached(self, path):
        return path == self.root or path.startswith(self.root + b"/")

    def name(self, path):
        """As AppArmor has it: from the root, or from that of a file system in no namespace."""
        if self.is_attached(path):
            return path[len(self.root):] or b"/"
        for point in sorted(self.nested, key=len, reverse=True):
            if path == point or path.startswith(point + b"/"):
                return path[len(point):] or b"/"
        return path

    def path_of(self, process, text):
        """Of an argument: a descriptor, or a string."""
        fd = FD.match(text)
        if fd:
            return unescape(fd.group(2))
        string = STRING.match(text)
        if not string:
            return b""
        path = unescape(string.group(1))
        link = re.match(rb"^/proc/self/fd/(\d+)$", path)
        if link:
            return self.fds.get((process, int(link.group(1))), b"?")
        return self.root + path if path.startswith(b"/") else path

    def join(self, process, directory, name):
        base, path = self.path_of(process, directory), self.path_of(process, name)
        # Absolute, or the directory itself.
        if path.startswith(self.root) or not path:
            return path or base
        if path == b".":
            return base
        return base.rstrip(b"/") + b"/" + path

    # --- questions -----------------------------------------------------------------

    def ask(self, kind, alternatives, what):
        self.asked.append((kind, alternatives, what, self.where))

    def file(self, path, letters, is_dir):
        name = self.name(path)
        if is_dir and name != b"/":
            name += b"/"
        self.ask("file", ((name, letters),), f"{letters} {name!r}")

    def whole(self, path):
        """The names that a mount there may have: a directory's ends in a slash."""
        name = self.name(path)
        if name == b"/":
            return [name]
        both = {True: [name + b"/"], False: [name]}
        return both.get(self.dirs.get(path), [name, name + b"/"])

    def mount(self, target, sources, kind, flags, what):
        targets = self.whole(target)
        self.ask("mount", tuple((t, s, kind, flags) for t in targets for s in sources),
                 f"{what} {sources} -> {targets} {kind!r} {flags:#x}")

    # --- calls ---------------------------------------------------------------------

    def do_openat(self, process, a, result):
        flags = a[2]
        made = FD.match(result)
        if not made:
            return
        path = unescape(made.group(2))
        self.fds[process, int(made.group(1))] = path
        if "O_CREAT" in flags or "O_DIRECTORY" in flags:
            self.dirs[path] = "O_DIRECTORY" in flags
        if "O_PATH" in flags or path.startswith((b"pipe:", b"socket:", b"anon_inode:")):
            return
        if "O_TMPFILE" in flags:
            self.file(path, "w", False)
            return
        letters = "rw" if "O_RDWR" in flags else "w" if "O_WRONLY" in flags else "r"
        if re.match(rb"^/proc/\d+/", path):
            path = self.root + path
        elif not self.is_attached(path) and path.startswith((b"/proc/", b"/sys/")):
            path = self.root + path
        self.file(path, letters, "O_DIRECTORY" in flags)

    def do_openat2(self, process, a, result):
        self.do_openat(process, [a[0], a[1], a[2]], result)

    def do_open_tree(self, process, _, result):
        made = FD.match(result)
        if made:
            self.fds[process, int(made.group(1))] = unescape(made.group(2))

    do_fsmount = do_open_tree
    do_dup = do_open_tree

    def do_fcntl(self, process, a, result):
        if "F_SETLK" in a[1]:
            self.file(self.path_of(process, a[0]), "k", False)
        elif "F_DUPFD" in a[1]:
            self.do_open_tree(process, a, result)

    def do_newfstatat(self, process, a, result):
        kind = re.search(r"st_mode=S_IF(\w+)", a[2]) if result.startswith("0") else None
        if kind and FD.match(a[0]):
            self.dirs[self.join(process, a[0], a[1])] = kind.group(1) == "DIR"

    def do_mkdirat(self, process, a, result):
        self.dirs[self.join(process, a[0], a[1])] = True
        if "EEXIST" not in result:
            self.file(self.join(process, a[0], a[1]), "w", True)

    def do_mkdir(self, process, a, result):
        if "EEXIST" not in result:
            self.file(self.path_of(process, a[0]), "w", True)

    def do_rmdir(self, process, a, result):
        if "ENOENT" not in result:
            self.file(self.path_of(process, a[0]), "w", True)

    def do_mknodat(self, process, a, _):
        self.file(self.join(process, a[0], a[1]), "w", False)

    def do_symlinkat(self, process, a, _):
        self.file(self.join(process, a[1], a[2]), "w", False)

    def do_unlinkat(self, process, a, result):
        if "ENOENT" not in result and "ENOTEMPTY" not in result:
            self.file(self.join(process, a[0], a[1]), "w", "AT_REMOVEDIR" in a[2])

    def do_renameat(self, process, a, _):
        self.file(self.join(process, a[0], a[1]), "rw", False)
        self.file(self.join(process, a[2], a[3]), "w", False)

    def do_linkat(self, process, a, _):
        self.file(self.join(process, a[2], a[3]), "l", False)
        self.file(self.path_of(process, a[1]), "rw", False)

    def do_fchmod(self, process, a, _):
        self.file(self.path_of(process, a[0]), "w", True)

    def do_fchownat(self, process, a, _):
        self.file(self.join(process, a[0], a[1]), "w", a[1] == '""')

    def do_mount(self, process, a, _):
        flags = sum(MS[word] for word in a[3].split("|") if word in MS)
        source, target = self.path_of(process, a[0]), self.path_of(process, a[1])
        if flags & (MS["MS_REMOUNT"] | TYPES) and a[1] != '"/"' and \
                self.family in SETS_ATTRIBUTES and flags & TYPES != MS["MS_PRIVATE"]:
            return
        if flags & MS["MS_REMOUNT"]:
            self.mount(target, [b""], b"", flags, "remount")
        elif flags & MS["MS_BIND"]:
            self.mount(target, self.whole(source), b"", flags & 0x5000, "bind")
        elif flags & TYPES:
            self.mount(target, [b""], b"", flags & (TYPES | MS["MS_REC"]), "propagation")
        elif flags & MS["MS_MOVE"]:
            self.mount(target, self.whole(source), b"", MS["MS_MOVE"], "move")
        else:
            device, kind = STRING.match(a[0]).group(1), STRING.match(a[2]).group(1)
            self.mount(target, [device.encode()], kind.encode(), flags, "mount")

    def do_move_mount(self, process, a, result):
        if "ENOSYS" in result:
            return
        source, target = self.path_of(process, a[0]), self.join(process, a[2], a[3])
        from_here = self.is_attached(source)
        if self.family in SEES_MOVES:
            self.mount(target, self.whole(source) if from_here else [b""], b"",
                       MS["MS_MOVE"], "move")
        if not result.startswith("0"):
            return
        # What was moved is where it was moved to, and so is what is open of it.
        self.fds[process, int(FD.match(a[0]).group(1))] = target
        if self.is_attached(target):
            self.nested.clear()
        else:
            self.nested.append(target)

    def do_execveat(self, process, a, result):
        # Its label is another one from here on, and so is who is asked.
        if result == "0" and "overmount-layers" in a[2]:
            self.other.add(process)

    def do_recvmsg(self, process, a, _):
        for number, path in re.findall(r"cmsg_data=\[(\d+)<([^>]*)>", " ".join(a)):
            self.fds[process, int(number)] = unescape(path)

    def do_umount2(self, process, a, result):
        if "EINVAL" in result:
            return
        names = self.whole(self.path_of(process, a[0]))
        self.ask("umount", tuple((name,) for name in names), f"umount {names}")

    def line(self, text):
        call = CALL.match(text)
        if not call:
            return
        process, name, arguments, result = call.groups()
        self.where = text.strip()[:160]
        do = getattr(self, "do_" + name, None)
        if do and int(process) not in self.other:
            do(int(process), split(arguments), re.sub(r" \(.*\)$", "", result))


def whole_calls(lines):
    """A call during which another process made one is in two parts: puts them together."""
    begun = {}
    for text in lines:
        process, _, rest = text.partition(" ")
        rest = rest.lstrip()
        if text.rstrip().endswith("<unfinished ...>"):
            begun[process] = text.rstrip()[:-len("<unfinished ...>")].rstrip()
        elif rest.startswith("<... ") and process in begun:
            yield begun.pop(process) + rest.partition(" resumed>")[2]
        else:
            yield text


def questions(root, family, traces):
    """All that the traces ask."""
    asked = []
    for trace in traces:
        one = Replay(root, family)
        with open(trace, encoding="latin-1") as f:
            for text in whole_calls(f):
                one.line(text)
        asked += one.asked
    return asked


def permits(policy, kind, alternatives):
    ask = getattr(policy, kind)
    return any(ask(*each) for each in alternatives)


# Of these nothing is in a trace, or nothing where there is no AppArmor: reading through an
# overlay, and asking whether an application may.
UNSEEN = re.compile(rb"^ *(capability|signal|change_profile)|\.so|/usr/bin/|\{,\*\*\}\" rm,|"
                    rb"/run/usr/|/sys/kernel/security/|/sys/module/apparmor/|/uid_map")


# Under a filter of calls nothing is cached, and what it hides is not worked around.
UNMASKED = re.compile(rb"\{facts,#|\}attr/|/fdinfo/")
RULE = re.compile(rb"^  [^ #].*,( # .*)?$")
# What stands for many names permits what a rule for one of them does.
GLOB = re.compile(rb'/\*/?"[^"]*$')


def is_implied(line, lines):
    """apparmor_parser 3.0 lets be bound whatever where attributes may be set."""
    if not re.match(rb"^  mount options=\(r?bind\) ", line):
        return False
    target = re.search(rb' -> ".*",', line).group(0)
    return any(b"(remount, bind" in other and target in other for other in lines)


def denied_by(parser, lines, asked):
    policy = aapolicy.Policy(parser, b"\n".join(lines))
    return {each for each in asked if not permits(policy, *each)}


def needless(parser, profile, asked, masked):
    """Rules without which nothing is denied."""
    asked = {(kind, alternatives) for kind, alternatives, _, _ in asked}
    lines = profile.split(b"\n")
    narrow = [line for line in lines if not (RULE.match(line) and GLOB.search(line))]
    for number, line in enumerate(lines):
        if not RULE.match(line) or UNSEEN.search(line) or is_implied(line, lines) or \
                masked and UNMASKED.search(line):
            continue
        among = lines if GLOB.search(line) else narrow
        rest = [each for each in among if each is not line]
        if denied_by(parser, rest, asked) == denied_by(parser, among, asked):
            yield line.decode().strip()


def main(arguments):
    options = {each for each in arguments[:2] if each.startswith("--")}
    profile, root, family, *traces = arguments[len(options):]
    parser, reason = aapolicy.find_parser()
    if not parser:
        print(reason)
        return 77
    with open(profile, "rb") as f:
        text = f.read()
    asked = questions(root, family, traces)
    if "--needless" in options:
        found = list(needless(parser, text, asked, "--masked" in options))
        print("\n".join(found))
        return len(found) > 0
    policy = aapolicy.Policy(parser, text)
    denied = [f"{what}  [{where}]" for kind, alternatives, what, where in asked
              if not permits(policy, kind, alternatives)]
    for what in denied:
        print(what)
    print(f"{len(asked)} questions, {len(denied)} denied")
    return len(denied) > 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
