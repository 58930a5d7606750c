"""Every benchmark, one after the other: `python -m bench`."""

from bench import lead_workflows

for benchmark in (lead_workflows,):
    benchmark.main()
