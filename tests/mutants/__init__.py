"""Each promise has a mutant: a change that disables its mechanism, and the test that notices."""
