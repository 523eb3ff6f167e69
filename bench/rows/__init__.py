"""The rows: each module has a `ROW`, or a function `rows()` that returns some."""
