#!/usr/bin/env python3
"""Runs the tutorials' programs and records what they print, for the Rust programs to match.

    record.py [NAME..]            writes ../expected/NAME.txt
    record.py --check [NAME..]    runs them, and compares with what is there

Comments at the head of a program say what it leaves open. A run of lines that match

    # open: REGEX                 may come in any order
    # open on workers: REGEX      likewise, but only where there are several workers
    # sorted: REGEX               comes in any order from CPython; is recorded sorted
    # timed                       what is printed rests on how long the program sleeps: a machine that
                                  holds it up for longer than that may make something else of it

Of lines in which the same named group of REGEX matches the order is kept, also where it is open; if
the name of the group ends in _local, only on one thread.
"""

import argparse
import difflib
import itertools
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXPECTED = HERE.parent / "expected"
HELPERS = {"local_http", "local_redis", "record", "tutorial"}
RULE = re.compile(r"# (open|open on workers|sorted): (.+)")
LIMIT = 60

# No output depends on the scale. The first is quick; a program that is timed may need the second
# on a machine under load.
SCALES = (0.1, 0.5)


def comments(program):
    """The comments at the head of a program."""
    lines = program.read_text(encoding="utf-8").splitlines()
    return list(itertools.takewhile(lambda line: line.startswith("#"), lines))


def rules(program):
    """What the program leaves open: pairs of a kind and a pattern."""
    found = [RULE.fullmatch(line) for line in comments(program)]
    return [(rule[1], re.compile(rule[2])) for rule in found if rule]


def normalise(line):
    """Takes out of a line what differs from run to run: places, addresses, numbers of tasks."""
    line = re.sub(r"coro=<(\w+\(\)) [^>]*>", r"coro=<\1>", line)
    line = re.sub(r"0x[0-9a-f]+", "0x", line)
    return re.sub(r"'Task-\d+'", "'Task-N'", line)


def run(program, scale):
    """The lines that it prints."""
    environment = os.environ | {"PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(program), "--scale", str(scale)]
    done = subprocess.run(
        command, capture_output=True, encoding="utf-8", timeout=LIMIT, env=environment
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program.name} ended with {done.returncode}:\n{done.stderr}")
    return [normalise(line) for line in done.stdout.splitlines()]


def expected(program, scale):
    """What is to be stored: the lines, with marks around those whose order is open."""
    known = rules(program)

    def rule_of(line):
        return next((rule for rule in known if rule[1].search(line)), None)

    text = ["# timed"] if "# timed" in comments(program) else []
    for rule, lines in itertools.groupby(run(program, scale), rule_of):
        lines = list(lines)
        kind, pattern = rule or (None, None)
        if kind is None:
            text += lines
        elif kind == "sorted":
            text += sorted(lines)
        else:
            tagged = [(pattern.search(line).lastgroup or "", line) for line in lines]
            if kind == "open":
                # A stable sort: the order within a named group is the program's.
                tagged.sort(key=lambda pair: pair if pair[0] == "" else (pair[0], ""))
            text += [f"# {kind}", *(f"{tag}| {line}" for tag, line in tagged), "# closed"]
    return "".join(line + "\n" for line in text)


def attempt(program, scale):
    try:
        return expected(program, scale)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return f"{error}\n"


def check(program):
    """The difference between what is stored and what the program prints; empty if none."""
    stored = EXPECTED / f"{program.stem}.txt"
    if not stored.exists():
        return f"{stored.name} is missing: run record.py {program.stem}\n"
    old = stored.read_text(encoding="utf-8")
    for scale in SCALES if "# timed" in comments(program) else SCALES[:1]:
        new = attempt(program, scale)
        if new == old:
            return ""
    names = (f"expected/{stored.name}", f"python/{program.name}")
    pairs = difflib.unified_diff(old.splitlines(True), new.splitlines(True), *names)
    return "".join(pairs)


def strays(programs):
    """Stored outputs that no program prints."""
    return sorted({path.stem for path in EXPECTED.glob("*.txt")} - {p.stem for p in programs})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these programs")
    options = parser.parse_args()
    every = sorted(path for path in HERE.glob("*.py") if path.stem not in HELPERS)
    unknown = set(options.names) - {path.stem for path in every}
    if unknown:
        parser.error(f"no program is named {', '.join(sorted(unknown))}")
    programs = [path for path in every if not options.names or path.stem in options.names]

    if not options.check:
        EXPECTED.mkdir(exist_ok=True)
        for program in programs:
            text = expected(program, SCALES[-1])
            (EXPECTED / f"{program.stem}.txt").write_text(text, encoding="utf-8")
            print("recorded", program.stem)
        return

    # They sleep most of the time, so two at once do not hold each other up.
    failed = [f"{name}.txt: no program prints it" for name in strays(every)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        for program, difference in zip(programs, pool.map(check, programs)):
            print("ok    " if not difference else "FAILED", program.stem)
            sys.stdout.write(difference)
            failed += [program.stem] if difference else []
    if failed:
        sys.exit("record.py --check: " + ", ".join(failed))
    print(f"{len(programs)} programs print what is recorded, on Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
