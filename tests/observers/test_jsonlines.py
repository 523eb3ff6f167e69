"""Laws of `run --json`: an object a line, ASCII, and always a last line that says the end."""

from __future__ import annotations

import io
import json

from buildorch import events
from buildorch.model import RunStatus
from buildorch.observers.jsonlines import JsonLines
from buildorch.store.codec import line
from observers.story import Story, half_way


def _written(story: Story) -> str:
    stream = io.StringIO()
    observer = JsonLines(stream, line)
    for record in story.records:
        observer.see(story.seen, record)
    observer.close()
    observer.close()
    return stream.getvalue()


def test_every_event_is_a_line_and_the_end_is_the_last() -> None:
    """A line an event; the last one is run_finished with the stages, exactly once."""
    story = half_way()
    story.tell(events.RunFinished(status=RunStatus.FAILED, seconds=3.0, results="/r"))
    objects = [json.loads(text) for text in _written(story).splitlines()]
    assert [one["event"] for one in objects] == [record.event.kind for record in story.records]
    assert [one["seq"] for one in objects] == list(range(1, len(objects) + 1))
    last = objects[-1]
    assert (last["status"], last["schema"], list(last["stages"])) == (
        "failed",
        1,
        ["yocto-image", "host-build", "integration-test"],
    )


def test_a_run_that_was_left_ends_as_interrupted() -> None:
    """Where the controller leaves before the end, the last line says so, without an event."""
    story = half_way()
    story.tell(events.ControllerDetached(reason="hangup"))
    *_, before, last = [json.loads(text) for text in _written(story).splitlines()]
    assert (before["event"], last["event"]) == ("controller_detached", "run_finished")
    assert (last["status"], last["reason"]) == ("interrupted", "hangup")
    assert "seq" not in last


def test_lines_are_ascii_whatever_names_hold() -> None:
    """No locale and no half of a surrogate can break a line."""
    story = Story(by="민아 \udcff\n")
    text = _written(story)
    assert text.isascii()
    assert json.loads(text.splitlines()[0])["by"] == "민아 \udcff\n"


def test_nothing_is_written_for_no_run() -> None:
    """Without a run there is no last line."""
    stream = io.StringIO()
    JsonLines(stream, line).close()
    assert not stream.getvalue()
