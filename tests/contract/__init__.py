"""The promises of a remote job: one suite of laws for every kind of place where jobs run."""
