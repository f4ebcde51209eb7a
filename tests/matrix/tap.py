# SPDX-License-Identifier: LGPL-2.1-or-later
"""TAP for the tests of the kernel matrix: each function whose name begins with test_ is one."""

import os
import sys
import traceback
from pathlib import Path

TOP = Path(os.environ.get("top_srcdir", Path(__file__).parent.parent.parent)).resolve()
sys.dont_write_bytecode = True
sys.path.insert(0, str(TOP / "kernel-matrix"))


def run(module: dict) -> None:
    """Runs the tests of a module (its globals()), in their order."""
    tests = [f for name, f in module.items() if name.startswith("test_")]
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        what = " ".join((test.__doc__ or test.__name__).split()).rstrip(".")
        try:
            test()
            print(f"ok {number} - {what}")
        except Exception:  # whatever it was, this test has failed
            print(f"not ok {number} - {what}")
            for line in traceback.format_exc().splitlines():
                print(f"# {line}")


def raises(kind: type, words: str, function, *arguments) -> None:
    """The call must end with that exception, and say these words."""
    try:
        function(*arguments)
    except kind as e:
        assert words in str(e), f'"{e}" does not say "{words}"'
        return
    raise AssertionError(f"no {kind.__name__} with \"{words}\"")
