"""The controller's diary: events as lines, through a logger that is nobody else's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog
from observers.story import Story

from buildorch import events
from buildorch.events import KINDS, Event, Recorded
from buildorch.job import JobEnd
from buildorch.model import JSON
from buildorch.observers.diary import Diary, event_name
from buildorch.store.codec import line

CREATED = events.RunCreated(
    pipeline="p", plan={"stages": []}, nonce="0" * 32, results="/r", by="mina kim"
)
ENDED = events.StepFinished(
    stage="a", attempt=1, step=1, end=JobEnd(kind="exit", code=3), log_sha256="ab"
)

EXPECTED = """\
timestamp=2026-07-14T00:00:00.000Z level=info event=cancel.requested run=r1 seq=1 epoch=1 \
by="mina kim"
timestamp=2026-07-14T00:00:01.000Z level=info event=controller.attached run=r1 seq=2 epoch=1 \
pid=PID host=laptop boot_id=
timestamp=2026-07-14T00:00:02.000Z level=info event=step.finished run=r1 seq=3 epoch=1 stage=a \
attempt=1 step=1 end_kind=exit end_code=3 end_leftovers=[] log_bytes=0 log_sha256=ab \
log_complete=true masked=0
"""


def told(diary: Diary, *some: Event, first: int = 1, epoch: int = 1) -> None:
    """Show events to *diary*, one a second."""
    view = Story().seen
    for number, event in enumerate(some, first):
        at = 1783987199.0 + number
        diary.see(view, Recorded(run="r1", seq=number, at=at, epoch=epoch, event=event))


def attached(pid: int | None = None) -> events.ControllerAttached:
    """Return the event of a controller, of this process where no other is said."""
    return events.ControllerAttached(pid=os.getpid() if pid is None else pid, host="laptop")


def diary_in(folder: Path) -> Diary:
    """Return a diary whose file is in *folder*."""
    return Diary(lambda run: folder / f"{run}.log", line)


def test_an_event_is_a_line(tmp_path: Path) -> None:
    """A line has time, level, name and place of its event, then the event's own fields, flat."""
    diary = diary_in(tmp_path)
    told(diary, events.CancelRequested(by="mina kim"), attached(), ENDED)
    diary.close()
    written = (tmp_path / "r1.log").read_text()
    assert written.replace(f"pid={os.getpid()}", "pid=PID") == EXPECTED
    assert (tmp_path / "r1.log").stat().st_mode & 0o777 == 0o600


def test_what_others_stored_is_left_out(tmp_path: Path) -> None:
    """A controller that picks a run up goes on with the diary of the one before it."""
    first = diary_in(tmp_path)
    told(first, CREATED, attached())
    first.close()
    second = diary_in(tmp_path)
    told(second, CREATED, attached(pid=1))
    told(second, attached(), first=3, epoch=2)
    second.close()
    second.close()
    written = (tmp_path / "r1.log").read_text().splitlines()
    assert [one.split("seq=")[1].split()[0] for one in written] == ["1", "2", "3"]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_events_have_names_in_the_past(kind: str) -> None:
    """Every kind of event has a name of a noun and what happened to it."""

    class Some:
        """An event of the kind."""

    Some.kind = kind  # type: ignore[attr-defined]
    noun, what = event_name(Some()).split(".")  # type: ignore[arg-type]
    assert noun.isalpha()
    assert what.endswith(("ed", "lost", "gone"))


def test_a_user_s_values_are_one_field(tmp_path: Path) -> None:
    """Lists and mappings of a user's become JSON, whatever their keys are."""
    value: JSON = {"a key": ["b", None], "": 'x="1"'}
    event = events.ValueRecorded(stage="a", attempt=1, step=0, key="k\nl", value=value)
    diary = diary_in(tmp_path)
    told(diary, attached(), event)
    diary.close()
    last = (tmp_path / "r1.log").read_text().splitlines()[1]
    assert 'key=k\\nl value="{\\"a key\\"' in last


def test_no_diary_stops_no_run(tmp_path: Path) -> None:
    """A diary that cannot be written is none; events are taken all the same."""
    nowhere = Diary(lambda run: tmp_path / "none" / run, line)
    full = Diary(lambda _: Path("/dev/full"), line)
    for diary in (nowhere, full):
        told(diary, CREATED, attached(), ENDED)
        diary.close()


def test_it_leaves_structlog_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an application configured for itself neither changes these lines nor is changed."""
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    try:
        before = structlog.get_config()
        diary = diary_in(tmp_path)
        told(diary, CREATED, attached(), ENDED)
        diary.close()
        assert structlog.get_config() == before
    finally:
        structlog.reset_defaults()
    assert (tmp_path / "r1.log").read_text().count("level=info") == 3
    assert capsys.readouterr() == ("", "")
