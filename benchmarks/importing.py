#!/usr/bin/env python3
"""`import softlabels` takes no longer than `import numpy`, nearly.

> python benchmarks/importing.py
"""

import subprocess
import sys

from measuring import medians, report


def importing(name):
    return lambda: subprocess.run([sys.executable, "-c", f"import {name}"], check=True)


def main():
    took = medians({name: importing(name) for name in ("numpy", "softlabels")}, repetitions=21)
    rows = [
        [
            f'`python -c "import {name}"`',
            f"{1000 * took[name]:.0f}",
            f"{took[name] / took['numpy']:.2f}",
        ]
        for name in took
    ]
    report(["", "ms", "times numpy"], rows, ["numpy"])


if __name__ == "__main__":
    main()
