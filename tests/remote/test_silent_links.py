"""A link that is cut without a word: what the server still keeps for its client, and how long."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import pytest
from contract.locked import await_run, await_wait, hold, on_name, queue
from contract.talk import Talk, talk

from remote.machines import ShellBackend, environment, machine

_PARTS = ("python", "sh")
#: No sign of life within the test: to the server it looks as a link that was cut.
_SILENT = 3000.0


@pytest.mark.parametrize("supervisor", _PARTS)
@pytest.mark.parametrize("agent", _PARTS)
def test_locks_are_not_kept_for_a_client_that_is_silent(
    tmp_path: Path, supervisor: str, agent: str
) -> None:
    """What an ended job keeps is free 15 s after the last word of its client, not at its hold."""
    name = f"rack/{secrets.token_hex(6)}"
    variables = environment(tmp_path)
    server = machine(tmp_path, ShellBackend(variables, prefer=supervisor))
    cut = machine(tmp_path, ShellBackend(variables, prefer=agent, silence=_SILENT))
    with talk(server) as other, talk(server) as link:
        first = hold(link, on_name("A", name), hold=60.0)
        with talk(cut, link) as silent:
            silent.session.follow(first.job.id, 0)
            first.let_go()
            assert silent.heard.end_of(first.job).ok
            begin = time.monotonic()
            second = queue(other, on_name("B", name), "second")
            await_wait(other, second.job)
            await_run(other, second.job)
            assert 8 < time.monotonic() - begin < 25
            _judge_heard_again(silent, other, name)
            second.finish()


def _judge_heard_again(silent: Talk, other: Talk, name: str) -> None:
    """Insist that a client counts again as soon as it says something."""
    name += "/again"
    first = hold(silent, on_name("A", name), "again", hold=60.0)
    first.finish()
    second = queue(other, on_name("B", name), "behind")
    await_wait(other, second.job)
    time.sleep(2.0)
    assert second.job.id not in other.heard.logs
    silent.session.release(first.job.id)
    await_run(other, second.job)
    second.finish()
