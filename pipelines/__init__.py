"""The team's pipelines; `invoke --list` shows them."""
