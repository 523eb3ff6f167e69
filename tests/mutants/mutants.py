"""The mutants: for each promise what disables its mechanism, and the test that then goes red."""

from __future__ import annotations

import attrs

_AGENT = "buildorch/remote/agent"
_KILL = "tests/contract/test_kill.py"
_TRUTH = "tests/contract/test_truth.py"
_ONCE = "tests/contract/test_once_and_detached.py"
_WORLD = "tests/contract/test_world.py"
_LOG = "tests/contract/test_log.py"
_REFUSALS = "tests/contract/test_refusals.py"
_EFFECTS = "tests/mutants/test_effects.py"
_PYTHON = "local-python"
_SH = "local-sh"


@attrs.frozen
class Mutant:
    """One change of one file.

    Attributes:
        name: What is disabled, as a word.
        promise: The promise that is broken by it.
        file: The file, from the root of the tree.
        old: A text that occurs in it once.
        new: What stands there instead.
        test: The test that goes red, as `FILE::FUNCTION`.
        only: Words of those parameters of the test that notice, for `-k`; all where empty.
    """

    name: str
    promise: str
    file: str
    old: str
    new: str
    test: str
    only: str = ""


MUTANTS = (
    # Once.
    Mutant(
        "launch-attaches",
        "once: the folder decides; a second launch attaches",
        f"{_AGENT}/service.py",
        "            self._attach(order.ident, place)\n            return",
        "            os.rename(place.path, place.path + '-before')\n"
        "            lock = place.create(files)",
        f"{_ONCE}::test_once_over_a_new_link",
        _PYTHON,
    ),
    Mutant(
        "launch-attaches-sh",
        "once: the folder decides; a second launch attaches (sh part)",
        "buildorch/remote/part.sh",
        '|| bo_supervised "$bo_folder"; then return 5; fi',
        '|| bo_supervised "$bo_folder"; then rm -rf "$bo_folder"; fi',
        f"{_ONCE}::test_once_over_a_new_link",
        _SH,
    ),
    Mutant(
        "cut-launch",
        "once: half of a launch is no launch (sh part)",
        "buildorch/remote/part.sh",
        '[ -n "$bo_cut" ] || bo_arrived',
        ": || bo_arrived",
        "tests/fuzz/test_fuzz_server_parts.py::test_a_launch_that_was_cut_launches_nothing",
        "dash",
    ),
    Mutant(
        "launch-form",
        "once: a garbled launch is obeyed in nothing",
        f"{_AGENT}/wire.py",
        'raise Garbled("no message of a client: " + line[:80])',
        "pass",
        "tests/fuzz/test_fuzz_server_parts.py::test_a_client_that_never_ends_a_line_takes_no_memory",
    ),
    Mutant(
        "epoch",
        "once: a launch of a controller that was replaced is refused",
        f"{_AGENT}/folder.py",
        "if epoch < int(seen[1]):",
        "if False:",
        f"{_REFUSALS}::test_an_older_controller",
        _PYTHON,
    ),
    Mutant(
        "epoch-sh",
        "once: a launch of a controller that was replaced is refused (sh part)",
        "buildorch/remote/part.sh",
        'elif [ "$bo_epoch" -lt "$bo_highest" ]; then',
        "elif false; then",
        f"{_REFUSALS}::test_an_older_controller",
        _SH,
    ),
    Mutant(
        "nonce",
        "once: another run of the same id gets nothing of ours",
        f"{_AGENT}/folder.py",
        "if seen[0] != nonce:",
        "if False:",
        f"{_REFUSALS}::test_another_run_of_the_same_id",
        _PYTHON,
    ),
    Mutant(
        "tombstone",
        "once: a cancel that overtakes its launch leaves a tombstone",
        f"{_AGENT}/service.py",
        "entombed = not place.there and not place.launched and self._entomb(ident, place)",
        "entombed = False",
        f"{_REFUSALS}::test_cancelled_before_the_launch",
        _PYTHON,
    ),
    Mutant(
        "intent-before-effect",
        "an intent is committed before its effect",
        "buildorch/runner/controller.py",
        "        for event in self._journal.write(made, answers):\n"
        "            self._follow(event)\n"
        "        self._return_slots()\n"
        "        if self._leaving is None:\n"
        "            for action in self._scheduler.actions(now):\n"
        "                self._act(action)\n",
        "        if self._leaving is None:\n"
        "            for action in self._scheduler.actions(now):\n"
        "                self._act(action)\n"
        "        for event in self._journal.write(made, answers):\n"
        "            self._follow(event)\n"
        "        self._return_slots()\n",
        f"{_EFFECTS}::test_nothing_is_launched_that_is_not_stored",
    ),
    Mutant(
        "one-controller",
        "a run has one controller",
        "buildorch/store/ownership.py",
        "        if lock is None:\n            raise RunOwned(_driven(run, holder(places, run)))\n",
        "        if lock is None:\n            lock = FileLock.take(path.with_suffix('.other'))\n"
        "        assert lock is not None\n",
        "tests/store/test_store_ownership.py::test_a_run_has_one_controller",
    ),
    Mutant(
        "late-controller",
        "a controller that was replaced stores nothing",
        "buildorch/store/database.py",
        "if epoch < row.epoch:",
        "if epoch < 0:",
        "tests/store/test_store_database.py::test_a_replaced_controller_stores_nothing",
    ),
    Mutant(
        "one-end",
        "run_finished is stored once",
        "buildorch/store/database.py",
        "if row.status and any(",
        "if False and any(",
        "tests/store/test_store_database.py::test_a_run_ends_once",
    ),
    # Detached.
    Mutant(
        "own-session",
        "detached: a supervisor is in no session of the link (sh part)",
        "buildorch/remote/part.sh",
        'setsid --fork sh "$@" </dev/null >/dev/null 2>&1 8>&-',
        'sh "$@" </dev/null >/dev/null 2>&1 8>&- &',
        f"{_ONCE}::test_detached_from_the_link",
        _SH,
    ),
    Mutant(
        "nobodys-child",
        "detached: the supervisor's output is never the link's",
        f"{_AGENT}/launch.py",
        "            command.close_all_but(*kept)\n",
        "            from buildorch.remote.agent import kernel\n"
        "            kernel._libc().prctl(1, 9, 0, 0, 0)\n",
        f"{_ONCE}::test_detached_from_the_agent",
        _PYTHON,
    ),
    Mutant(
        "one-agent",
        "an older agent of the run is ended",
        f"{_AGENT}/claims.py",
        "signal.SIGTERM)",
        "0)",
        f"{_ONCE}::test_one_agent_per_run",
        _PYTHON,
    ),
    # The truth about the end.
    Mutant(
        "exit-or-signal",
        "the truth: an exit code is no signal",
        f"{_AGENT}/supervisor.py",
        "if done.si_code == os.CLD_EXITED",
        "if done.si_status > 15",
        f"{_TRUTH}::test_own_end",
        _PYTHON,
    ),
    Mutant(
        "lost-is-not-failed",
        "the truth: a lost job is neither failed nor succeeded",
        "buildorch/scheduler/verdict.py",
        "return Verdict(StageStatus.LOST, end.reason)",
        "return Verdict(StageStatus.FAILED, end.reason)",
        "tests/scheduler/test_machine.py::test_retries_have_their_own_budgets",
    ),
    Mutant(
        "half-a-record",
        "the truth: half of a record is no success",
        "buildorch/remote/answers.py",
        'if kind != "lost" and (code is None',
        'if kind == "none" and (code is None',
        "tests/fuzz/test_fuzz_answers.py::test_half_a_record_is_lost",
    ),
    Mutant(
        "supervisor-killed",
        "the truth: a killed supervisor is noticed by its lock",
        f"{_AGENT}/folder.py",
        '        if lock is None:\n            return self.has("alive")\n',
        '        if lock is None or self.has("id"):\n            return self.has("alive")\n',
        f"{_TRUTH}::test_supervisor_killed_while_nobody_looks",
        _PYTHON,
    ),
    Mutant(
        "rebooted",
        "the truth: a job of another boot is lost, and nobody is signalled for it",
        f"{_AGENT}/sweeper.py",
        'if known.get("boot") == (kernel.boot_id() or "-"):',
        "if True:",
        f"{_TRUTH}::test_rebooted",
        _PYTHON,
    ),
    Mutant(
        "start-time",
        "identity is checked before every signal",
        f"{_AGENT}/kernel.py",
        "return found is not None and found.start == start and found.alive",
        "return found is not None and found.alive",
        f"{_TRUTH}::test_numbers_used_again",
        _PYTHON,
    ),
    Mutant(
        "reason-of-a-kill",
        "the truth: a killed job that exits 0 is still killed",
        f"{_AGENT}/supervisor.py",
        '("reason", reason or "")',
        '("reason", "" if code == 0 else reason or "")',
        f"{_TRUTH}::test_limits",
        _PYTHON,
    ),
    Mutant(
        "reserved-end",
        "the truth: the end is recorded on a full disk",
        f"{_AGENT}/service.py",
        'files["exit.new"] = b"\\n" * folder.RESERVED',
        'files["exit.other"] = b"\\n" * folder.RESERVED',
        "tests/remote/test_disks.py::test_full_disk",
        "python",
    ),
    Mutant(
        "timeout",
        "the truth: a limit that is broken ends the job, and is the reason",
        f"{_AGENT}/limits.py",
        'return "timeout"',
        "return None",
        f"{_TRUTH}::test_limits",
        _PYTHON,
    ),
    # The log, byte for byte.
    Mutant(
        "log-offset",
        "the log: what is here already is not written again",
        "buildorch/runner/collector.py",
        "fresh = data[known - offset :]",
        "fresh = data",
        "tests/fuzz/test_fuzz_logs.py::test_a_log_is_whole_after_any_interruptions",
    ),
    Mutant(
        "log-gap",
        "the log: a gap is followed again",
        "buildorch/runner/collector.py",
        "        if offset > known:\n            return False\n",
        "",
        "tests/fuzz/test_fuzz_logs.py::test_a_log_is_whole_after_any_interruptions",
    ),
    Mutant(
        "log-checksum",
        "the log: it is compared by checksum",
        "buildorch/runner/collector.py",
        "return bool(self.masked) or self.log.digest(self.base) == digest",
        "return True",
        f"{_EFFECTS}::test_a_log_that_differs_is_fetched_again",
    ),
    Mutant(
        "log-follow-offset",
        "the log: a new link goes on at the offset",
        f"{_AGENT}/service.py",
        "self._follow(words[0], int(words[1]))",
        "self._follow(words[0], 0)",
        f"{_LOG}::test_reconnected_in_the_middle",
        _PYTHON,
    ),
    Mutant(
        "log-before-end",
        "the log: the end comes after the last byte",
        f"{_AGENT}/follower.py",
        "        if sent:\n            self.dirty = True\n            return False\n",
        "        if sent and end is None:\n            self.dirty = True\n"
        "            return False\n",
        f"{_LOG}::test_every_byte",
        _PYTHON,
    ),
    # Known at once.
    Mutant(
        "pushed",
        "known at once: the end is pushed",
        f"{_AGENT}/kernel.py",
        "WATCHED = IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | GONE",
        "WATCHED = IN_DELETE_SELF",
        f"{_LOG}::test_known_at_once",
        _PYTHON,
    ),
    # Killed means gone.
    Mutant(
        "kill-sessions",
        "killed means gone: also what has left session and parent (marker)",
        f"{_AGENT}/kernel.py",
        'return b"\\0" + entry + b"\\0" in b"\\0" + data + b"\\0"',
        "return False",
        f"{_EFFECTS}::test_what_left_the_session_goes_with_a_killed_supervisor",
    ),
    Mutant(
        "subreaper",
        "killed means gone: also a child that clears its environment",
        f"{_AGENT}/kernel.py",
        "return bool(libc.prctl(SUBREAPER, adopt, 0, 0, 0) == 0)",
        "return True",
        f"{_KILL}::test_a_child_that_clears_its_environment",
        _PYTHON,
    ),
    Mutant(
        "kill-after-grace",
        "killed means gone: KILL follows TERM",
        f"{_AGENT}/tree.py",
        "self._tree.signal(members, signal.SIGKILL)",
        "self._tree.signal(members, signal.SIGTERM)",
        f"{_KILL}::test_killed_means_gone",
        f"{_PYTHON} and deaf",
    ),
    Mutant(
        "rescan-until-empty",
        "killed means gone: scans until one is empty",
        f"{_AGENT}/tree.py",
        "            if time.monotonic() > until:\n                return describe",
        "            if True:\n                return [] and describe",
        f"{_EFFECTS}::test_a_tree_that_grows_while_it_is_killed_is_scanned_again",
    ),
    Mutant(
        "polite-first",
        "killed means gone: TERM first, and a grace",
        f"{_AGENT}/tree.py",
        "        self._wait(begin + grace, self._tree.members)\n        return",
        "        return",
        f"{_KILL}::test_traps_run",
        _PYTHON,
    ),
    Mutant(
        "int-ladder",
        "bitbake: the client is asked twice",
        f"{_AGENT}/tree.py",
        "for part in (SECOND_INT, AFTER_INT):",
        "for part in (AFTER_INT,):",
        "tests/remote/test_bitbake.py::test_client_is_asked_twice",
        "python",
    ),
    # The deadline holds without us.
    Mutant(
        "deadline-without-us",
        "the deadline holds without us",
        f"{_AGENT}/limits.py",
        "self._end = None if order.timeout is None else begin + order.timeout",
        "self._end = None",
        f"{_KILL}::test_the_deadline_holds_without_us",
        _PYTHON,
    ),
    Mutant(
        "progress-not-bytes",
        "silence is measured in progress, not in bytes",
        f"{_AGENT}/progress.py",
        "if KEEP_ALIVE.match(line):",
        "if False:",
        "tests/remote/test_progress.py::test_lines",
    ),
    # Clean streams.
    Mutant(
        "noise",
        "clean streams: what comes before READY with our nonce is noise",
        "buildorch/remote/answers.py",
        'marks = (b"\\n" + word + self._nonce + b" " for',
        'marks = (b"\\n" + word for',
        "tests/remote/test_answers.py::test_splits",
    ),
    Mutant(
        "hostile-size",
        "clean streams: no server makes us raise or fill the memory",
        "buildorch/remote/answers.py",
        "or int(size) > MAX_BODY",
        "or False",
        "tests/fuzz/test_fuzz_answers.py::test_a_message_that_is_none_ends_the_link",
    ),
    Mutant(
        "streams-in-order",
        "clean streams: output and errors on one descriptor",
        f"{_AGENT}/command.py",
        "os.dup2(log, 2)",
        "os.dup2(0, 2)",
        f"{_WORLD}::test_streams",
        _PYTHON,
    ),
    # No leaks.
    Mutant(
        "private-files",
        "no leaks: files of a job are the account's alone",
        f"{_AGENT}/folder.py",
        "os.O_TRUNC | os.O_CLOEXEC, 0o600)",
        "os.O_TRUNC | os.O_CLOEXEC, 0o600); os.fchmod(fd, 0o644)",
        f"{_WORLD}::test_no_leaks",
        _PYTHON,
    ),
    Mutant(
        "environment-removed",
        "no leaks: the environment goes with the end",
        f"{_AGENT}/supervisor.py",
        "        self._place.drop_secrets()\n",
        "",
        "tests/remote/test_disks.py::test_the_environment_is_not_kept",
    ),
    Mutant(
        "masking",
        "no leaks: secrets are masked, also split over two reads",
        "buildorch/runner/masking.py",
        "cut = len(data) - self._possible_beginning(data)",
        "cut = len(data)",
        "tests/fuzz/test_fuzz_logs.py::test_masking_is_the_same_from_any_pieces",
    ),
    Mutant(
        "references-only",
        "no leaks: only the name of a secret is stored",
        "buildorch/store/codec.py",
        'lambda secret: {"secret": secret.reference}',
        'lambda secret: {"secret": __import__("os").environ["PASSWORD"]}',
        "tests/store/test_store_codec.py::test_secret_value_is_never_stored",
    ),
    # Needs little.
    Mutant(
        "says-what-is-missing",
        "needs little, and says what is missing",
        "buildorch/remote/part.sh",
        'bo_missing="missing there is no python3',
        'bo_missing="#missing there is no python3',
        "tests/remote/test_booting.py::test_python_that_cannot_be_used",
    ),
    # The account's own world.
    Mutant(
        "umask",
        "the account's world: its own umask",
        f"{_AGENT}/command.py",
        "os.umask(world.umask)",
        "os.umask(0o077)",
        f"{_WORLD}::test_umask",
        _PYTHON,
    ),
    Mutant(
        "locale",
        "the account's world: a UTF-8 locale",
        "buildorch/remote/boot.sh",
        "\nbuildorch_fix_locale\n",
        "\n",
        "tests/remote/test_booting.py::test_locale",
        "python",
    ),
    Mutant(
        "no-socket-of-the-connection",
        "the account's world: no socket of the connection's agent",
        "buildorch/remote/boot.sh",
        "unset SSH_AUTH_SOCK",
        ":",
        "tests/remote/test_booting.py::test_what_belongs_to_the_connection",
        "python",
    ),
    Mutant(
        "signals",
        "the account's world: no signal is ignored",
        f"{_AGENT}/kernel.py",
        "signal.signal(number, signal.SIG_DFL)",
        "signal.getsignal(number)",
        f"{_WORLD}::test_signals_are_not_ignored",
        _PYTHON,
    ),
    Mutant(
        "setup-without-u",
        "the account's world: setup is sourced without -u",
        "buildorch/remote/payload.py",
        "set +u; . ",
        ". ",
        f"{_WORLD}::test_setup_is_sourced",
        _PYTHON,
    ),
    # Tidy.
    Mutant(
        "living-jobs-stay",
        "tidy: a living job is never removed",
        f"{_AGENT}/cleaning.py",
        "and not place.held():",
        ":",
        "tests/remote/test_disks.py::test_cleaned",
        "python",
    ),
    Mutant(
        "min-free",
        "min_free is looked at before a launch",
        f"{_AGENT}/command.py",
        "os.WEXITSTATUS(status) == NO_SPACE",
        "False",
        f"{_REFUSALS}::test_too_little_room",
        _PYTHON,
    ),
    # Servers and fallbacks.
    Mutant(
        "fallback-before-launch-only",
        "a fallback is automatic only while nothing was launched",
        "buildorch/scheduler/observe.py",
        "for state in here.on_server(fact.server, (Phase.CONNECTING,)):\n"
        "        if state.not_before",
        "for state in here.on_server(fact.server, (Phase.CONNECTING, Phase.RUNNING)):\n"
        "        if state.not_before",
        f"{_EFFECTS}::test_no_fallback_after_a_launch",
    ),
    Mutant(
        "orphan-first",
        "an orphan is fenced before anything new of its stage runs there",
        "buildorch/scheduler/machine.py",
        " or self.state.orphans_of(state):",
        ":",
        "tests/scheduler/test_fencing.py::test_orphan_against_retry_on_one_server",
    ),
    Mutant(
        "locks-are-waited-for",
        "two owners never have one folder at once",
        f"{_AGENT}/supervisor.py",
        "while self._locks is not None and not self._locks.granted():",
        "while False:",
        "tests/contract/test_locks.py::test_one_at_a_time",
        _PYTHON,
    ),
    Mutant(
        "quoting",
        "nothing of the user's is spliced into our shell text",
        "buildorch/remote/quoting.py",
        """text.replace("'", "'\\\\''")""",
        "text",
        f"{_WORLD}::test_arguments_are_exact",
        _PYTHON,
    ),
    Mutant(
        "commit-waits",
        "an intent survives a power cut: its commit waits for the disk",
        "buildorch/store/transactions.py",
        "{'FULL' if durable else 'NORMAL'}",
        "NORMAL",
        "tests/store/test_store_database.py::test_durable_is_what_the_disk_is_asked_for",
    ),
    Mutant(
        "auth-is-no-retry",
        "a refused login is not tried again",
        "buildorch/scheduler/observe.py",
        "again = fact.transient and tries < CONNECT_TRIES",
        "again = tries < CONNECT_TRIES",
        "tests/scheduler/test_machine.py::test_a_refused_login_is_not_tried_again",
    ),
    Mutant(
        "host-keys",
        "host keys are strict",
        "buildorch/backends/ssh/connection.py",
        "check(self._host, self._server, key.get_name(), key.asbytes())",
        "del key",
        "tests/ssh/test_connecting.py::test_an_unknown_host_is_refused_and_its_key_shown",
    ),
    Mutant(
        "silent-cut",
        "a silent cut is noticed",
        "buildorch/remote/job_session.py",
        "if since is not None and time.monotonic() - since > self._silence:",
        "if False:",
        "tests/remote/test_links.py::test_silent_cut",
    ),
    Mutant(
        "cleanup-blocks",
        "cleanup that worked does not deploy a failure",
        "buildorch/scheduler/stage.py",
        "return own and not (self.stage.always and self.unclear)",
        "return own",
        "tests/scheduler/test_machine.py::test_cleanup_that_worked_does_not_deploy_a_failure",
    ),
    # Messages.
    Mutant(
        "told-once-more-only",
        "a message that may repeat says so, under one key",
        "buildorch/messages/__init__.py",
        "if message.key.endswith(_AGAIN):",
        "if False:",
        "tests/unit/test_messages.py::test_what_nobody_answered_is_told_once_more_if_it_matters",
    ),
)
