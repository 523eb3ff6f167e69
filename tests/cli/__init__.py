"""The command line as people use it: words, streams, signals and terminals."""
