"""What buildorch promises a team, on real hosts and by its real command line."""
