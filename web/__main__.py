"""`python -m web`: the same as the `riskmap` command."""

from web.cli import main

main()
