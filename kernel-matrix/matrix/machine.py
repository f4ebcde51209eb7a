# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines: what goes into them, how they are run, and what came out of them."""

import hashlib
import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from matrix import guest
from matrix.cells import MIXED, Cell, Table, axes_of
from matrix.common import HOME, TOP, Trouble

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "overmount-matrix"
# After so many machines that died the rest is given up.
MAX_BOOTS = 4
CONSOLE_LINES = 40


@dataclass
class Programs:
    """What was built."""
    overmount: Path
    build: Path

    def tool(self, name: str) -> Path:
        path = self.build / name
        if not os.access(path, os.X_OK):
            raise Trouble("program", "find", path, "run scripts/build first")
        return path


@dataclass
class Options:
    """What all machines of a run have in common."""
    programs: Programs
    table: Table
    timeout: int = 180
    accel: str = "tcg"
    mask: str = ""
    without: list[str] = field(default_factory=list)
    setup: Path | None = None


@dataclass
class Kernel:
    name: str
    folder: Path | None = None  # None: the running kernel
    release: str = ""
    packages: list[str] = field(default_factory=list)
    unavailable: str = ""


@dataclass
class Outcome:
    """What is known of the cells of a machine, or of several in turn."""
    boot: dict[str, str] = field(default_factory=dict)
    seen: dict[str, guest.Seen] = field(default_factory=dict)
    missed: dict[str, list[str]] = field(default_factory=dict)  # CELL: why


def command(arguments: list, **options) -> subprocess.CompletedProcess:
    return subprocess.run([str(a) for a in arguments], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, **options)


def last_words(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def fetch(line: str) -> Kernel:
    """A kernel of Debian's; if it cannot be had, that is said in it."""
    done = command([HOME / "fetch", line])
    if done.returncode != 0:
        return Kernel(line, unavailable=last_words(done.stderr))
    folder = Path(done.stdout.strip())
    return Kernel(line, folder, (folder / "release").read_text().strip(),
                  (folder / "packages").read_text().splitlines())


def own(image: Path, modules: Path, temp: Path) -> Kernel:
    """A kernel of somebody's own, laid out as fetch lays out Debian's.

    modules is the directory of one release, or what `make modules_install` filled with
    INSTALL_MOD_PATH.
    """
    if not image.is_file():
        raise Trouble("--kernel", "use", image, "there is no such file")
    releases = list((modules / "lib/modules").glob("*")) or [modules]
    if len(releases) != 1 or not (releases[0] / "modules.order").exists():
        raise Trouble("--modules", "use", modules,
                      "no modules of one release, with modules.order, are there")
    release = releases[0].resolve().name
    folder = temp / "own"
    (folder / "lib/modules").mkdir(parents=True)
    shutil.copy(image, folder / "vmlinuz")
    # Links to sources and headers are of no use there, and may lead anywhere.
    shutil.copytree(releases[0], folder / "lib/modules" / release, symlinks=True,
                    ignore=shutil.ignore_patterns("build", "source"))
    done = command(["depmod", "-b", folder, release], env=with_sbin())
    if done.returncode != 0:
        raise Trouble("--modules", "index", modules, last_words(done.stderr))
    (folder / "release").write_text(release + "\n")
    return Kernel(release, folder, release)


def with_sbin() -> dict[str, str]:
    return {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}


def images(helper: Path) -> Path:
    """The file systems that the cells lie on, made once for each version of what makes them."""
    digest = hashlib.sha256(helper.read_bytes() + (HOME / "fixtures").read_bytes())
    folder = CACHE / "fixtures" / digest.hexdigest()[:16]
    if not folder.exists():
        temp = folder.with_name(f"{folder.name}.{os.getpid()}")
        done = command([HOME / "fixtures", helper, temp])
        if done.returncode != 0:
            shutil.rmtree(temp, ignore_errors=True)
            raise Trouble("images", "make", temp, last_words(done.stderr))
        try:
            temp.rename(folder)
        except OSError:  # somebody else was faster, and has the same
            shutil.rmtree(temp)
    return folder


def payload(options: Options, temp: Path, layouts: set[str]) -> Path:
    """The directory that guest/matrix.sh wants, but for the list of cells."""
    folder = temp / "payload"
    for name in ("bin", "profiles"):
        (folder / name).mkdir(parents=True)
    helper = options.programs.tool("kernel-matrix/helper")
    for program in (helper, options.programs.tool("tests/tools/enosys"),
                    options.programs.tool("tests/tools/tree-snapshot")):
        shutil.copy(program, folder / "bin")
    for script in ("matrix.sh", "cell.sh"):
        shutil.copy(HOME / "guest" / script, folder)
    if options.setup:
        shutil.copy(options.setup, folder / "setup")
    shutil.copytree(images(helper), folder / "images")
    shutil.copy(HOME / "guest/mixed.fstab", folder / "profiles" / MIXED)
    for layout in layouts - {MIXED}:
        done = command([options.programs.overmount, "layout", "--revision", "1",
                        TOP / f"tests/corpus/yaml/{layout}.yaml"])
        if done.returncode != 0:
            raise Trouble("layout", "compile", layout, last_words(done.stderr))
        (folder / "profiles" / layout).write_text(done.stdout)
    return folder


def guest_order(table: Table, cells: list[Cell]) -> list[Cell]:
    """Nothing that was ever loaded comes before a cell in which it is not there."""
    axis = list(table.axes).index("overlay")
    return sorted(cells, key=lambda c: table.axes["overlay"].index(c.values[axis]))


def list_cells(options: Options, cells: list[Cell]) -> str:
    return "".join(
        f"{c.name} {c.layout} "
        + " ".join(f"{a}={v}" for a, v in axes_of(options.table, c).items()) + "\n"
        for c in cells)


class Machine:
    """Runs cells in one machine after the other, until each has an end."""

    def __init__(self, options: Options, kernel: Kernel, name: str, append: str,
                 folder: Path, console: Path):
        self.options, self.kernel, self.name, self.append = options, kernel, name, append
        self.folder = folder  # of the payload, and ours alone
        self.console = console
        self.out = folder.parent / f"{folder.name}.out"
        self.said = ""

    def run(self, cells: list[Cell]) -> Outcome:
        outcome = Outcome()
        todo = guest_order(self.options.table, cells)
        for number in range(MAX_BOOTS):
            console = self.console.with_name(
                self.console.name + (f"-{number + 1}" if number else ""))
            reason = self._boot(todo, console)
            try:
                report = guest.parse(self._text())
            except ValueError as e:
                return self._not_understood(outcome, todo, str(e))
            outcome.boot |= report.boot
            outcome.seen |= report.cells
            todo = [c for c in todo if c.name not in report.cells]
            if not todo:
                break
            why = [self._why(reason, report), *console_lines(console)]
            # The one that did it, and the others once it is clear that none can begin.
            guilty = [c.name for c in todo if c.name == report.begun]
            if not guilty or number + 1 == MAX_BOOTS:
                guilty = [c.name for c in todo]
            outcome.missed |= {name: why for name in guilty}
            todo = [c for c in todo if c.name not in guilty]
            if not todo:
                break
        return outcome

    def _not_understood(self, outcome: Outcome, todo: list[Cell], why: str) -> Outcome:
        error = guest.Seen(error=f"what the machine reported is not understood: {why}")
        outcome.seen |= {c.name: error for c in todo}
        return outcome

    def _why(self, reason: str, report: guest.Report) -> str:
        if report.begun:
            return f"the machine {reason} in this cell"
        if report.boot:
            return f"the machine {reason} before this cell"
        return f"the machine {reason} before it was up"

    def _text(self) -> str:
        return self.out.read_text(encoding="utf-8", errors="replace") if self.out.exists() else ""

    def _boot(self, cells: list[Cell], console: Path) -> str:
        """Runs the machine to its end; how it ended is returned."""
        (self.folder / "cells").write_text(list_cells(self.options, cells))
        self.out.write_text("")
        with open(self.out.with_suffix(".err"), "w+", encoding="utf-8") as err:
            process = subprocess.Popen(self._command(console), stdin=subprocess.DEVNULL,
                                       stdout=subprocess.DEVNULL, stderr=err)
            silent = self._wait(process)
            err.seek(0)
            self.said = err.read()
        if silent:
            return f"was silent for {self.options.timeout} seconds and was ended"
        return "ended"

    def _command(self, console: Path) -> list[str]:
        script = self.folder.parent / f"{self.folder.name}.script"
        script.write_text(f"export MATRIX_LIMIT={max(self.options.timeout * 2 // 3, 5)} "
                          f"MATRIX_MASK={self.options.mask}\n"
                          "exec sh /matrix/run/matrix.sh /matrix/run\n")
        words = [HOME / "boot", "--kernel-dir", self.kernel.folder, "--script", script,
                 "--overmount", self.options.programs.overmount,
                 "--file", f"{self.folder}:/matrix/run", "--accel", self.options.accel,
                 "--try-module", "erofs", "--try-module", "ext4",
                 "--out", self.out, "--console", console, "--append", self.append,
                 # Silence ends it earlier; this is for one that talks for ever.
                 "--timeout", str(self.options.timeout * 60)]
        for module in self.options.without:
            words += ["--without", module]
        return [str(w) for w in words]

    def _wait(self, process: subprocess.Popen) -> bool:
        """Waits for the end; True if it had to be brought about."""
        size, since = -1, time.monotonic()
        while process.poll() is None:
            time.sleep(0.2)
            now = self.out.stat().st_size
            if now != size:
                size, since = now, time.monotonic()
            elif time.monotonic() - since > self.options.timeout:
                process.terminate()
                process.wait()
                return True
        return False

    def progress(self) -> int:
        return self._text().count("\nend\t")


class Here(Machine):
    """The running kernel: the same work without a machine around it."""

    def _command(self, console: Path) -> list[str]:
        program = self.folder / "bin/overmount"
        if not program.exists():
            shutil.copy(self.options.programs.overmount, program)
        console.write_text("")
        limit = max(self.options.timeout * 2 // 3, 5)
        return ["env", "MATRIX_HERE=1", f"MATRIX_LIMIT={limit}",
                f"MATRIX_MASK={self.options.mask}", "sh", "-c",
                'exec sh "$1/matrix.sh" "$1" >"$2"', "-", str(self.folder), str(self.out)]


def console_lines(console: Path) -> list[str]:
    """The last words of a machine, without the times in front."""
    try:
        text = console.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = [re.sub(r"^\[ *[0-9]+\.[0-9]+\] ", "", line.rstrip()) for line in text.splitlines()]
    return [line for line in lines if line][-CONSOLE_LINES:]


def accelerator(kernel: Kernel, options: Options, temp: Path) -> str:
    """kvm if a machine comes up with it, else tcg.  Remembered until this machine restarts."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return "tcg"
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    memory = CACHE / "accelerator"
    if memory.exists() and memory.read_text().split()[:1] == [boot_id]:
        return memory.read_text().split()[1]
    script = temp / "trial"
    script.write_text("exit 7\n")
    done = command([HOME / "boot", "--kernel-dir", kernel.folder, "--script", script,
                    "--overmount", options.programs.overmount, "--accel", "kvm",
                    "--timeout", "20"])
    answer = "kvm" if done.returncode == 7 else "tcg"
    memory.write_text(f"{boot_id} {answer}\n")
    return answer
