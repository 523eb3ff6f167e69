"""The peers: how each is installed, and the programs and commands by which it works."""
