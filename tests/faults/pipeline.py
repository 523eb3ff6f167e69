"""A pipeline with all that a run can have: a retry, artifacts, a function with steps and values."""

from __future__ import annotations

from buildorch import Pipeline, Stage, StageContext, stage

_TRACE = 'echo "$BUILDORCH_RUN $BUILDORCH_STAGE $BUILDORCH_ATTEMPT {}" >>"$HOME/trace"\n'
_IMAGE = (
    _TRACE.format("-")
    + """\
failed=$HOME/failed-$BUILDORCH_RUN
if [ ! -e "$failed" ]; then touch "$failed"; echo "no luck"; exit 1; fi
echo "attempt $BUILDORCH_ATTEMPT"
head -c 100000 /dev/urandom >"$HOME/image-$BUILDORCH_RUN.bin"
"""
)

image = Stage(name="image", server="one", command=_IMAGE, retry=1, artifacts="image-*.bin")


@stage(server="one")
def checks(c: StageContext) -> dict[str, object]:
    """Run two commands with a value between them."""
    c.run(_TRACE.format("first") + "echo first")
    number = c.once("number", lambda: 42)
    c.run(_TRACE.format("second") + f"echo second {number}")
    return {"number": number}


pipeline = Pipeline("dying", image >> checks)
