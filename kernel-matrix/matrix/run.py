# SPDX-License-Identifier: LGPL-2.1-or-later
"""kernel-matrix/run: the cells on the kernels, judged, and written down."""

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from matrix import cells, expect, judge, kernels, machine, report
from matrix.common import HOME, TOP, Trouble
from matrix.machine import CONSOLE_LINES

BOOTS = {"none": ("bare", "apparmor=0")}
BOOT = ("apparmor", "")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="kernel-matrix/run", allow_abbrev=False,
        description="Runs overmount in the cells of cells.yaml on the kernels of kernels.yaml.",
        epilog="Exit status: 0 all as it should be, 1 something is not, 2 it could not be tried.")
    add = parser.add_argument
    add("--kernels", action="append", default=[], metavar="PATTERNS",
        help="those of kernels.yaml that match, e.g. '5.10,7.*' (all)")
    add("--cells", action="append", default=[], metavar="EXPRESSION",
        help="a pattern for names, or AXIS=VALUE|VALUE,AXIS=VALUE; may be repeated (all)")
    add("--list", action="store_true", help="print the cells and do nothing")
    add("--shard", metavar="I/N", help="part I of N of kernels and cells")
    add("--kernel", type=Path, metavar="FILE", help="a kernel of your own (bzImage)")
    add("--modules", type=Path, metavar="DIR", help="the modules of it")
    add("--here", action="store_true", help="the running kernel, without a machine; as root")
    add("--expect", metavar="NAME", help="what is expected of --kernel or --here: expect/NAME.yaml")
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
        help="so many machines at once (one for each processor)")
    add("--timeout", type=int, default=180, metavar="SECONDS",
        help="how long a machine may say nothing (180)")
    add("--results", type=Path, default=TOP / "build/matrix", metavar="DIR",
        help="where the documents go (build/matrix)")
    add("--no-times", action="store_true", help="leave out of the documents what a clock says")
    add("--bless", action="store_true", help="expect from now on what was seen now")
    add("--expectations", type=Path, default=HOME / "expect", metavar="DIR",
        help="where expectations are (expect)")
    add("--overmount", type=Path, metavar="FILE", help="the program, instead of build/overmount")
    add("--without", action="append", default=[], metavar="MODULE",
        help="as if the kernel had no such module; may be repeated")
    add("--mask", default="", metavar="CALLS",
        help="system calls that the kernel lacks, for cells whose surface is native")
    add("--setup", type=Path, metavar="FILE", help="a shell script that each machine runs first")
    args = parser.parse_args()
    if (args.kernel is None) != (args.modules is None):
        parser.error("--kernel and --modules go together")
    if args.here + (args.kernel is not None) + bool(args.kernels) > 1:
        parser.error("one of --here, --kernel and --kernels")
    if args.jobs < 1 or args.timeout < 1:
        parser.error("--jobs and --timeout are at least 1")
    return args


class Run:
    def __init__(self, args: argparse.Namespace, temp: Path):
        self.args, self.temp = args, temp
        build = Path(os.environ.get("BUILD_DIR") or TOP / "build")
        overmount = args.overmount or build / "overmount"
        self.programs = machine.Programs(overmount.absolute(), build.absolute())
        self.table = cells.read()
        self.options = machine.Options(self.programs, self.table, args.timeout, "tcg",
                                       args.mask, args.without, args.setup)
        self.machines: list[machine.Machine] = []
        self.lock = threading.Lock()

    # --- what is to be done ---

    def kernels(self) -> list[machine.Kernel]:
        if self.args.here:
            if os.geteuid() != 0:
                raise Trouble("--here", "use", "the running kernel", "needs root")
            return [machine.Kernel("here", None, os.uname().release)]
        if self.args.kernel:
            return [machine.own(self.args.kernel, self.args.modules, self.temp)]
        wanted = kernels.select(self.args.kernels, [k["line"] for k in kernels.read()])
        return [machine.fetch(line) for line in wanted]

    def work(self, found: list[machine.Kernel]) -> list[tuple[machine.Kernel, list[cells.Cell]]]:
        chosen = cells.select(self.table, cells.generate(self.table), self.args.cells)
        pairs = [(k, c) for k in found for c in chosen]
        if self.args.shard:
            pairs = cells.shard(pairs, self.args.shard)
        work = [(k, [c for other, c in pairs if other is k]) for k in found]
        return [(k, some) for k, some in work if some]

    # --- doing it ---

    def machines_for(self, kernel: machine.Kernel, some: list[cells.Cell]) -> list[tuple]:
        """The boots that the cells need, each with its cells."""
        groups: dict[tuple, list] = {}
        for cell in some:
            lsm = cells.axes_of(self.table, cell)["lsm"]
            boot = ("here", "") if kernel.folder is None else BOOTS.get(lsm, BOOT)
            groups.setdefault(boot, []).append(cell)
        result = []
        for (name, append), group in groups.items():
            result.append((self._machine(kernel, name, append), group))
        return result

    def _machine(self, kernel: machine.Kernel, name: str, append: str) -> machine.Machine:
        folder = self.temp / f"{kernel.name}-{name}"
        shutil.copytree(self.payload, folder)
        consoles = self.args.results / kernel.name
        consoles.mkdir(parents=True, exist_ok=True)
        kind = machine.Here if kernel.folder is None else machine.Machine
        return kind(self.options, kernel, name, append, folder, consoles / f"console-{name}")

    def execute(self, work: list[tuple]) -> dict[str, dict[str, machine.Outcome]]:
        """What came of each cell, by kernel and cell."""
        layouts = {c.layout for _, some in work for c in some}
        self.payload = machine.payload(self.options, self.temp, layouts)
        real = [k for k, _ in work if k.folder]
        if real:
            self.options.accel = machine.accelerator(real[0], self.options, self.temp)
        tasks = [(kernel, *each) for kernel, some in work if not kernel.unavailable
                 for each in self.machines_for(kernel, some)]
        outcomes: dict[str, dict[str, machine.Outcome]] = {}
        self.machines = [m for _, m, _ in tasks]
        total = sum(len(group) for _, _, group in tasks)
        with ThreadPoolExecutor(1 if self.args.here else self.args.jobs) as pool:
            futures = [(k, g, pool.submit(m.run, g)) for k, m, g in tasks]
            self._follow([f for _, _, f in futures], total)
            for kernel, group, future in futures:
                for cell in group:
                    outcomes.setdefault(kernel.name, {})[cell.name] = future.result()
        return outcomes

    def _follow(self, futures: list, total: int) -> None:
        """A line that tells how far it is, on a terminal."""
        if not sys.stderr.isatty():
            return
        start = time.monotonic()
        while not all(f.done() for f in futures):
            done = sum(m.progress() for m in self.machines)
            busy = [f"{m.kernel.name} {m.name}" for m, f in zip(self.machines, futures)
                    if f.running()]
            sys.stderr.write(f"\r\033[K{done} of {total} cells, "
                             f"{time.monotonic() - start:.0f} s: {', '.join(busy)}"[:100])
            sys.stderr.flush()
            time.sleep(0.5)
        sys.stderr.write("\r\033[K")

    # --- what it means ---

    def expectation(self, kernel: machine.Kernel) -> tuple[str, expect.Expectation | None]:
        folder = self.args.expectations
        names = [self.args.expect] if self.args.expect else [
            kernel.name, ".".join(kernel.release.split(".")[:2])]
        for name in names:
            found = expect.read(name, folder)
            if found:
                return name, found
        if self.args.expect:
            raise Trouble("--expect", "read", folder / f"{self.args.expect}.yaml",
                          "there is no such file")
        return "", None

    def judged(self, cell: cells.Cell, outcome: machine.Outcome | None, kernel: machine.Kernel,
               expected: expect.Expectation | None) -> dict:
        axes = cells.axes_of(self.table, cell)
        result = {"cell": cell.name, "axes": axes, "layout": cell.layout, "expected": False}
        if outcome is None:
            return result | {"verdict": "SKIP", "came": "skipped", "why": kernel.unavailable,
                             "words": [f"the kernel cannot be had: {kernel.unavailable}"]}
        if cell.name in outcome.missed:
            words = outcome.missed[cell.name]
            return result | {"verdict": "MISS", "came": "missed", "why": words[0],
                             "words": words}
        seen = outcome.seen[cell.name]
        before = expected.cells.get(cell.name) if expected else None
        explained = expected.explained.get(cell.name, {}) if expected else {}
        verdict, words = judge.judge(axes, seen, before, explained)
        result |= {"verdict": verdict, "words": words, "expected": before is not None,
                   **judge.record(seen)}
        if result["came"] == "tried":
            result |= {"checks": dict(seen.checks), "times": dict(seen.times)}
        return result

    def document(self, work: list[tuple], outcomes: dict) -> dict:
        document = {"schema": report.SCHEMA, "overmount": self._version(),
                    "machine": "none" if self.args.here else f"qemu, {self.options.accel}",
                    "kernels": []}
        for kernel, some in work:
            name, expected = self.expectation(kernel)
            its = outcomes.get(kernel.name, {})
            judged = [self.judged(c, its.get(c.name), kernel, expected) for c in some]
            base = judge.common([c["facts"] for c in judged if c["came"] == "tried"])
            for cell in judged:
                if cell["came"] == "tried":
                    cell["facts"] = dict(sorted(judge.without(cell["facts"], base).items()))
            boot = next((o.boot for o in its.values() if o.boot), {})
            document["kernels"].append({
                "kernel": kernel.name, "release": boot.get("release") or kernel.release,
                "version": boot.get("version", ""), "packages": kernel.packages,
                "expected": name, "facts": dict(sorted(base.items())), "cells": judged})
        document["summary"] = report.count(report.all_cells(document))
        return document

    def _version(self) -> str:
        done = machine.command([self.programs.overmount, "--version"])
        if done.returncode != 0:
            raise Trouble("program", "run", self.programs.overmount,
                          machine.last_words(done.stderr))
        return done.stdout.strip()


def record_of(kernel: dict, cell: dict) -> dict:
    """The record of a cell, as judge.record() made it, from the document."""
    if cell["came"] != "tried":
        return {"came": cell["came"], "why": cell.get("why", "")}
    return {key: cell[key] for key in ("came", "outcomes", "plan", "denied", "fails")} | {
        "facts": judge.within(cell["facts"], kernel["facts"])}


def bless(document: dict, folder: Path, name: str | None) -> bool:
    """Writes the expectations; False if reasons have to be written by hand."""
    complete = True
    for kernel in document["kernels"]:
        records = {c["cell"]: record_of(kernel, c) for c in kernel["cells"]}
        target = name or kernel["expected"] or kernel["kernel"]
        for missing in expect.write(target, records, folder):
            print(f"expect/{target}.yaml: say why this fails: {missing}", file=sys.stderr)
            complete = False
    return complete


def print_list(table: cells.Table, some: list[cells.Cell]) -> None:
    width = max(len(c.name) for c in some)
    for cell in some:
        values = " ".join(f"{a}={v}" for a, v in cells.axes_of(table, cell).items())
        print(f"{cell.name:{width}} {values} layout={cell.layout}")


def tell(document: dict, results: Path) -> int:
    """Says what is not as it should be; the exit status."""
    for kernel in document["kernels"]:
        skipped: dict[str, int] = {}
        for cell in kernel["cells"]:
            if cell["verdict"] == "SKIP":
                skipped[cell["words"][0]] = skipped.get(cell["words"][0], 0) + 1
            elif cell["verdict"] != "PASS" or cell["words"]:
                print(f"{cell['verdict']} {kernel['kernel']} {cell['cell']}"
                      + "".join(f"\n  {w}" for w in cell["words"][:CONSOLE_LINES + 1]))
        for why, number in skipped.items():
            print(f"SKIP {kernel['kernel']}: {number} cells: {why}")
    counts = document["summary"]
    print(", ".join(f"{n} {v}" for v, n in counts.items()) + f"; see {results}")
    return 1 if counts["FAIL"] + counts["MISS"] + counts["ERROR"] else 0


def main() -> int:
    args = arguments()
    with tempfile.TemporaryDirectory(prefix="overmount-matrix.") as temp:
        run = Run(args, Path(temp))
        if args.list:
            print_list(run.table, cells.select(run.table, cells.generate(run.table), args.cells))
            return 0
        started = time.monotonic()
        work = run.work(run.kernels())
        outcomes = run.execute(work)
        document = run.document(work, outcomes)
        document["times"] = {"seconds": round(time.monotonic() - started, 1)}
        report.write(document, args.results, not args.no_times)
        status = tell(document, args.results)
        if args.bless and not bless(document, args.expectations, args.expect):
            return 1
        return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as trouble:
        print(f"kernel-matrix/run: {trouble}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
