"""Rules for shells, the kernel and the disk: complaints that count once something failed.

A recipe may ignore a failing command, a configure script tries programs that are not there:
these lines are only believed when a consequence follows them, or when the log ends with one.
"""

from __future__ import annotations

from buildorch.analysis.rule import Kind, Rule

_SIGNALS = (
    r"(?:Killed|Segmentation fault|Aborted|Bus error|Illegal instruction|Terminated"
    r"|Floating point exception|Trace/breakpoint trap)"
)
_REASONS = (
    r"(?:[Nn]o such file or directory|[Pp]ermission denied|[Oo]peration not permitted"
    r"|(?:[Cc]ommand )?not found|No space left on device|Disk quota exceeded|Is a directory"
    r"|[Cc]annot execute.*|Exec format error|Text file busy|Read-only file system"
    r"|Cannot allocate memory|Argument list too long|syntax error.*|unbound variable"
    r"|Input/output error|[Cc]onnection refused|[Cc]onnection timed out|File exists)"
)

RULES = (
    Rule(
        name="disk.full",
        kind=Kind.COMPLAINT,
        pattern=r".*No space left on device",
        hints=("No space left on device",),
    ),
    Rule(
        name="kernel.oom",
        kind=Kind.COMPLAINT,
        pattern=r".*(?:[Oo]ut of memory: Kill|oom-kill:|invoked oom-killer|oom_reaper: reaped)",
    ),
    Rule(
        name="shell.signal",
        kind=Kind.COMPLAINT,
        pattern=rf"(?:\S+: (?:line )?\d+: +\d+ )?{_SIGNALS}(?: +\(core dumped\))?(?:$| {{2,}}\S)",
    ),
    Rule(
        name="shell.reason",
        kind=Kind.COMPLAINT,
        pattern=rf"[^\s:+-][^:\n]*: (?:.*[: ])?{_REASONS}$",
    ),
    Rule(
        name="shell.refused",
        kind=Kind.COMPLAINT,
        pattern=r"sudo: \S|(?:fatal|E): \S|\S+: cannot \S|the input device is not a TTY"
        r"|docker: \S|curl: \(\d+\) |wget: \S|scp: \S|rsync(?: error)?: \S|ssh: \S"
        r"|tar: (?!Exiting)\S",
    ),
    Rule(
        name="program.crash",
        kind=Kind.COMPLAINT,
        pattern=r"terminate called |\*\*\* stack smashing|.*[Aa]ssertion .*failed|panic: "
        r"|double free or corruption|free\(\): invalid|malloc\(\): |==\d+==ERROR: ",
    ),
    Rule(
        name="program.uncaught",
        kind=Kind.COMPLAINT,
        pattern=r'(?:Uncaught |Exception in thread "[^"]*" )?[\w.]*(?:Error|Exception): (?!\d+$)\S',
    ),
)
