"""Mutants of fencing: no stage ends up on two servers, and no job of a run lives unsaid."""

from __future__ import annotations

from mutants.mutant import Mutant

_FENCING = "buildorch/scheduler/fencing.py"
_DECIDE = "buildorch/scheduler/decide.py"
_MACHINE = "buildorch/scheduler/machine.py"
_LAWS = "tests/scheduler/test_fencing.py"
_RUNS = "tests/runner/test_fencing.py"
_LEASES = "buildorch/remote/agent/leases.py"
_LEASE_LAWS = "tests/contract/test_lease.py"
_PYTHON = "local-python"

MOVING = (
    Mutant(
        "orphan-noted",
        "fencing: what may live is noted before anything follows it",
        _FENCING,
        "        if noted.job not in run.orphans:\n            return noted\n",
        "        del noted\n",
        f"{_LAWS}::test_a_move_from_a_server_that_does_not_answer_notes_the_orphan",
    ),
    Mutant(
        "run-waits-for-orphans",
        "fencing: a run does not end while a job of it may live",
        _DECIDE,
        "if not all(fencing.is_left(run, one, now, patience) for one in run.orphans.values()):",
        "if False:",
        f"{_LAWS}::test_a_move_from_a_server_that_does_not_answer_notes_the_orphan",
    ),
    Mutant(
        "orphans-are-fenced",
        "fencing: an orphan is ended as soon as its server answers",
        _MACHINE,
        "            made += self._fresh_fences()\n",
        "            pass\n",
        f"{_LAWS}::test_a_move_from_a_server_that_does_not_answer_notes_the_orphan",
    ),
    Mutant(
        "fence-kills",
        "fencing: an orphan is killed, not only waited for",
        "buildorch/runner/links.py",
        'kill = ("fenced", self._kill_grace) if action.kill else None',
        "kill = None",
        f"{_RUNS}::test_a_stage_is_moved_while_its_server_is_cut_off",
    ),
    Mutant(
        "spared",
        "fencing: a job that nobody gave up may end by itself",
        _MACHINE,
        "kill = not orphan.spared or self.state.stopping or stage.finished is None",
        "kill = True",
        f"{_LAWS}::test_what_a_replay_mismatch_leaves_is_fenced_by_a_retry_only",
    ),
    Mutant(
        "move-kills",
        "fencing: a move ends the old job first where its server answers",
        _DECIDE,
        'return "moved" if state.move is not None else None',
        "return None",
        f"{_LAWS}::test_a_move_kills_first_where_the_server_answers",
    ),
    Mutant(
        "move-costs-no-retry",
        "fencing: an attempt that was moved is over, and its end costs no retry",
        _DECIDE,
        'return "moved", 0.0, wanted',
        "return None",
        f"{_LAWS}::test_a_move_kills_first_where_the_server_answers",
    ),
    Mutant(
        "a-launch-counts",
        "fencing: a launch whose answer never came counts as one",
        "buildorch/scheduler/stage.py",
        "return [step for step in self.steps.values() if step.finished is None]",
        "return [step for step in self.steps.values() if step.started and not step.finished]",
        f"{_LAWS}::test_a_move_from_a_server_that_does_not_answer_notes_the_orphan",
    ),
    Mutant(
        "abandoned",
        "fencing: `--abandon` ends a run, and says where a job may live",
        _FENCING,
        "    if run.abandoned:\n        return True\n",
        "",
        f"{_LAWS}::test_a_cancel_waits_for_a_server_until_it_is_abandoned",
    ),
    Mutant(
        "says-where-a-job-may-live",
        "fencing: `--abandon` ends a run, and says where a job may live",
        _DECIDE,
        'yield f"{orphan.server} has not confirmed that job {orphan.job} is dead"',
        "del orphan",
        f"{_LAWS}::test_a_cancel_waits_for_a_server_until_it_is_abandoned",
    ),
    Mutant(
        "never-beside-an-orphan",
        "fencing: a stage that only its orphan's server could run is lost",
        _DECIDE,
        "or fencing.given_up(run, state, now, patience)",
        "or (None if run.orphans_of(state) else fencing.given_up(run, state, now, patience))",
        f"{_LAWS}::test_a_stage_that_can_only_run_where_its_orphan_may_live_is_lost",
    ),
    Mutant(
        "lease-margin",
        "leases: a fallback starts once the server surely has killed, not before",
        _FENCING,
        " * (1 + CLOCK_DRIFT) + LEASE_MARGIN",
        "",
        f"{_LAWS}::test_a_lease_is_over_only_when_its_server_surely_has_killed",
    ),
    Mutant(
        "lease-of-the-newest",
        "leases: counted from the newest controller",
        _FENCING,
        "return max(down, run.attached_at)",
        "return down",
        f"{_LAWS}::test_a_lease_is_counted_from_the_newest_controller",
    ),
    Mutant(
        "lease-ends-the-job",
        "leases: the server counts, and ends the job by itself",
        _LEASES,
        "self._over = kernel.clock() >= self._begin + self._length",
        "self._over = False",
        f"{_LEASE_LAWS}::test_a_lease_that_nobody_renews_ends_the_tree",
        _PYTHON,
    ),
    Mutant(
        "lease-is-renewed",
        "leases: renewed while the link is up",
        _LEASES,
        "self._begin = max(self._begin, int(renewed))",
        "int(renewed)",
        f"{_LEASE_LAWS}::test_a_lease_is_renewed_while_the_link_is_up",
        _PYTHON,
    ),
    Mutant(
        "lease-before-the-command",
        "leases: what waits or is late runs nothing once its lease is over",
        "buildorch/remote/agent/supervisor.py",
        "split()[0] if text else self._ended_lease()",
        "split()[0] if text else None",
        f"{_LEASE_LAWS}::test_a_lease_counts_while_its_job_waits_for_a_lock",
        _PYTHON,
    ),
)
