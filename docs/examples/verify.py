#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""verify NET SPEC -- does the property hold?"""

import sys

import dualcert


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: verify.py NET SPEC", file=sys.stderr)
        return 64
    try:
        net = dualcert.Network(sys.argv[1])
        result = dualcert.verify(net, dualcert.Spec(net, sys.argv[2]), timeout=60)
    except dualcert.Error as error:
        print(f"verify.py: {error}", file=sys.stderr)
        return error.status
    print(result.verdict)
    if result.verdict == "verified":
        print(f"margin at least {result.bound:.6g}")
    elif result.verdict == "falsified":
        print("input ", result.input)
        print("output", result.output)
    else:
        print("reason:", result.reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
