"""The comparison with peers: each row is one kind of work, done by us and by others in turn."""
