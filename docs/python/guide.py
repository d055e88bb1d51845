#!/usr/bin/env python3
"""Runs the Python programs of the porting guide and records what they print, for the Rust programs
beside them to match.

    guide.py [NAME..]            writes ../expected/NAME.txt
    guide.py --check [NAME..]    runs them, and compares with what is there

A program is the block that follows a line `<!-- program: NAME -->`. `<!-- program: NAME, python 3.12 -->` is
skipped, and said to be, where Python is older.
"""

import argparse
import difflib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent
GUIDE = DOCS / "asyncio-to-weftwork.md"
EXPECTED = DOCS / "expected"
PROGRAM = re.compile(
    r"^<!-- program: (\w+)(?:, python (\d+)\.(\d+))? -->\n```python\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
LIMIT = 60


def programs():
    """The programs by name: the oldest version of Python that they run on, and their text."""
    found = PROGRAM.findall(GUIDE.read_text(encoding="utf-8"))
    return {name: ((int(major or 3), int(minor or 11)), text) for name, major, minor, text in found}


def run(text):
    environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-"],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT,
        env=environment,
    )
    if done.returncode != 0:
        return f"it ended with {done.returncode}:\n{done.stderr}"
    return done.stdout


def difference(name, text):
    """The difference between what is stored and what the program prints; empty if none."""
    stored = EXPECTED / f"{name}.txt"
    if not stored.exists():
        return f"{stored.name} is missing: run guide.py {name}\n"
    old, new = stored.read_text(encoding="utf-8"), run(text)
    lines = old.splitlines(True), new.splitlines(True)
    return "".join(difflib.unified_diff(*lines, f"expected/{stored.name}", name))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these programs")
    options = parser.parse_args()
    every = programs()
    if unknown := set(options.names) - set(every):
        parser.error(f"no program is named {', '.join(sorted(unknown))}")
    version = sys.version_info[:2]
    chosen = {name: every[name] for name in options.names or every}
    todo = {name: text for name, (oldest, text) in chosen.items() if oldest <= version}
    for name in chosen.keys() - todo.keys():
        print("skipped", name, "which needs Python {}.{}".format(*every[name][0]))

    if not options.check:
        EXPECTED.mkdir(exist_ok=True)
        for name, text in todo.items():
            (EXPECTED / f"{name}.txt").write_text(run(text), encoding="utf-8")
            print("recorded", name)
        return

    strays = {path.stem for path in EXPECTED.glob("*.txt")} - set(every)
    failed = [f"{name}.txt: no program prints it" for name in sorted(strays)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for name, found in zip(todo, pool.map(difference, todo, todo.values())):
            print("ok    " if not found else "FAILED", name)
            sys.stdout.write(found)
            failed += [name] if found else []
    if failed:
        sys.exit("guide.py --check: " + ", ".join(failed))
    print(f"{len(todo)} programs print what is recorded, on Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
