"""Every fault of the field, each with its right outcome, on real hosts."""
