"""What survives a controller: the event log, its projections, and who owns a run.

The only part of the package that touches the database and the state folder.
"""
