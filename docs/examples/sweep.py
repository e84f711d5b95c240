#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""sweep NET POINT -- how far may each input of POINT move before the answer changes?

POINT is a file of numbers, separated by blanks or commas.  The network is read once.
"""

import sys

import dualcert


def main() -> int:
    if len(sys.argv) != 3:
        print("usage: sweep.py NET POINT", file=sys.stderr)
        return 64
    with open(sys.argv[2], encoding="ascii") as file:
        x = [float(word) for word in file.read().replace(",", " ").split()]
    with dualcert.Network(sys.argv[1]) as net:
        y = net.eval(x)
        label = y.index(max(y))
        print(f"class {label}\nepsilon  verdict    margin")
        for k in range(6, -1, -1):
            epsilon = 2.0**-k / 4
            spec = {"center": x, "epsilon": epsilon, "label": label}
            result = dualcert.verify(net, dualcert.Spec(net, data=spec), timeout=10)
            print(f"{epsilon:<8g} {result.verdict:<10} {result.bound:.6g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
