"""Random pipelines under random faults on real hosts, judged by what the jobs themselves wrote.

A seed makes a story: a pipeline and the faults that come over it. `python -m chaos` lives many.
"""
