"""What the programs share: the option `--scale`, and lines that no other thread breaks up."""

import argparse
import sys

_parser = argparse.ArgumentParser()
_parser.add_argument("--scale", type=float, default=1.0, help="sleeps are multiplied by this")
_scale = _parser.parse_args().scale


def seconds(time):
    return time * _scale


def print(*values):
    sys.stdout.write(" ".join(map(str, values)) + "\n")
    sys.stdout.flush()
