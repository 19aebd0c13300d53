"""The benchmark suite: what the service does in a second, beside others that do the same job.

`python -m benchmarks --help` lists the benches; `docs/benchmarks.md` says how to read them. A ratio
between sides that took turns on one machine is the result; absolute figures are that machine's.
"""
