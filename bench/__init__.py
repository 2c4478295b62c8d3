"""Benchmarks: ratios within one run on one machine, printed as a table. `python -m bench [name]`"""
