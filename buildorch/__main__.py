"""`python -m buildorch`: the command line."""

from __future__ import annotations

from buildorch.cli import main

main()
