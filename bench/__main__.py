"""Every benchmark, one after the other: `python -m bench`. Or those that are named: `python -m bench uploads`."""

import sys

from bench import lead_workflows, uploads

BENCHMARKS = {"lead_workflows": lead_workflows, "uploads": uploads}

names = [name for name in sys.argv[1:] if name in BENCHMARKS] or list(BENCHMARKS)
sys.argv[1:] = [argument for argument in sys.argv[1:] if argument not in BENCHMARKS]
for name in names:
    BENCHMARKS[name].main()
