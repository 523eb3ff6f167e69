"""A scripted day of a team with three build servers; `steps` lists all of it."""
