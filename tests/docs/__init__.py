"""Documentation that cannot lie: what the pages show is run, checked or compared."""
