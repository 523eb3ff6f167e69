"""The shell around the scheduler: links to servers, collected logs, stage functions, timers.

`controller` owns the one thread that changes a run; everything else hands it facts through a
queue. `link` keeps one server linked, `collector` writes the logs, `functions` calls stage
functions and replays their recorded steps.
"""
