#!/usr/bin/env python3
"""Records the public names of asyncio, for the table in asyncio-to-weftwork.md to be complete.

    names.py            writes ../asyncio-names.txt; needs Python 3.13
    names.py --check    compares, with that version only
"""

import argparse
import asyncio
import asyncio.subprocess
import contextvars
import inspect
import sys
from pathlib import Path

STORED = Path(__file__).resolve().parent.parent / "asyncio-names.txt"
VERSION = (3, 13)

# Whose members are listed, under the word that programs use. Transports and protocols are listed
# as classes only.
CLASSES = {
    "loop": asyncio.AbstractEventLoop,
    "Barrier": asyncio.Barrier,
    "Condition": asyncio.Condition,
    "Context": contextvars.Context,
    "ContextVar": contextvars.ContextVar,
    "Event": asyncio.Event,
    "Future": asyncio.Future,
    "Handle": asyncio.Handle,
    "IncompleteReadError": asyncio.IncompleteReadError,
    "LimitOverrunError": asyncio.LimitOverrunError,
    "Lock": asyncio.Lock,
    "Process": asyncio.subprocess.Process,
    "Queue": asyncio.Queue,
    "Runner": asyncio.Runner,
    "Semaphore": asyncio.Semaphore,
    "Server": asyncio.Server,
    "StreamReader": asyncio.StreamReader,
    "StreamWriter": asyncio.StreamWriter,
    "Task": asyncio.Task,
    "TaskGroup": asyncio.TaskGroup,
    "Timeout": asyncio.Timeout,
    "TimerHandle": asyncio.TimerHandle,
    "Token": contextvars.Token,
}

# Set by the constructor.
ATTRIBUTES = {
    "IncompleteReadError": ["expected", "partial"],
    "LimitOverrunError": ["consumed"],
    "Process": ["pid", "stderr", "stdin", "stdout"],
}

# What a class has from these it has not from asyncio.
FOREIGN = (object, Exception, EOFError)


def members(word, of):
    known = {name for base in FOREIGN for name in dir(base)}
    names = {name for name, _ in inspect.getmembers(of) if not name.startswith("_")}
    return sorted((names - known) | set(ATTRIBUTES.get(word, [])))


def recorded():
    lines = [f"# The public names of asyncio in Python {'.'.join(map(str, VERSION))}: python/names.py."]
    lines += [name for name in sorted(set(asyncio.__all__))]
    lines += ["contextvars.copy_context"]
    for word, of in CLASSES.items():
        lines += [f"{word}.{name}" for name in members(word, of)]
    return "".join(line + "\n" for line in dict.fromkeys(lines))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    if sys.version_info[:2] != VERSION:
        found, wanted = sys.version.split()[0], ".".join(map(str, VERSION))
        if options.check:
            print(f"skipped: the names are those of Python {wanted}, and this is {found}")
            return
        sys.exit(f"names.py: needs Python {wanted}, and this is {found}")
    if not options.check:
        STORED.write_text(recorded(), encoding="utf-8")
    elif STORED.read_text(encoding="utf-8") != recorded():
        sys.exit("names.py --check: asyncio-names.txt is not what this Python has: run names.py")
    print(f"{recorded().count(chr(10)) - 1} names")


if __name__ == "__main__":
    main()
