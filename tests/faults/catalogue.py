"""Every fault that is promised to be survived, and the test that holds its right outcome.

A fault has a test, or a test for each phase of a run that it can hit. Tests are named as pytest
names them, without what is in brackets.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

#: The file below tests/, and the test.
TestId: TypeAlias = str

_CUT = "faults/test_links.py::test_a_cut_costs_nothing"
_FLAP = "faults/test_links.py::test_a_link_that_goes_up_and_down_costs_nothing"
_PHASES = ("connecting", "launching", "answering", "streaming", "ending", "fetching")

FAULTS: Mapping[str, TestId | Mapping[str, TestId]] = {
    # The network.
    "link cut silently": {phase: f"{_CUT}[{phase}-silence]" for phase in _PHASES},
    "link reset": {phase: f"{_CUT}[{phase}-reset]" for phase in _PHASES},
    "link up and down repeatedly": {phase: f"{_FLAP}[{phase}]" for phase in _PHASES},
    "link lost for long": {
        "building": "acceptance/test_links.py::test_twenty_seconds_without_network_cost_nothing",
        "fetching": "faults/test_links.py::"
        "test_a_link_that_is_lost_while_artifacts_are_fetched_is_told",
        "cancelling": "runner/test_link.py::"
        "test_a_kill_while_the_link_is_down_is_sent_when_it_is_back",
    },
    # The server.
    "sshd restarted": {
        "without sessions": "faults/test_servers.py::test_sshd_is_restarted[False]",
        "with sessions": "faults/test_servers.py::test_sshd_is_restarted[True]",
    },
    "server rebooted": {
        "during a job": "faults/test_servers.py::"
        "test_a_reboot_loses_the_attempt_and_no_other[False]",
        "while nobody looked": "faults/test_servers.py::"
        "test_a_reboot_loses_the_attempt_and_no_other[True]",
    },
    "server frozen and thawed": {
        "shorter than lost_after": "faults/test_servers.py::"
        "test_a_server_that_stands_still_is_waited_for[600.0-0]",
        "longer than lost_after": "faults/test_servers.py::"
        "test_a_server_that_stands_still_is_waited_for[0.1-1]",
    },
    "supervisor killed": {
        "command alive": "faults/test_servers.py::test_a_supervisor_that_is_killed",
        "command ended": "faults/test_servers.py::"
        "test_a_supervisor_that_is_killed_beside_a_finished_command",
        "while nobody looked": "contract/test_truth.py::test_supervisor_killed_while_nobody_looks",
    },
    "server part killed": "contract/test_once_and_detached.py::test_detached_from_the_agent",
    "job folder removed": {
        "while running": "faults/test_servers.py::test_a_job_folder_that_is_removed_under_the_job",
        "before the resume": "faults/test_servers.py::"
        "test_a_job_folder_that_is_removed_before_the_resume",
    },
    # The command.
    "command killed by a signal": "faults/test_commands.py::"
    "test_a_command_that_is_killed_by_a_signal",
    "command out of memory": {
        "killed by the kernel": "faults/test_commands.py::"
        "test_a_command_that_the_kernel_kills_for_want_of_memory",
        "refused by its limit": "faults/test_commands.py::test_a_command_that_gets_no_more_memory",
    },
    # Disks.
    "disk full on the server": {
        "the build's": "faults/test_commands.py::test_a_full_disk_below_the_build",
        "the log's": "faults/test_commands.py::test_a_full_disk_below_the_log",
        "only in the log": "faults/test_commands.py::"
        "test_a_full_disk_that_has_room_again_when_anybody_looks",
        "told by bitbake": "faults/test_commands.py::"
        "test_a_full_disk_that_only_the_disk_monitor_noticed",
        "before a launch": "contract/test_refusals.py::test_too_little_room",
    },
    "disk full at the controller": {
        "state": "acceptance/test_this_machine.py::test_a_full_disk_below_the_state_detaches",
        "results": "acceptance/test_this_machine.py::test_a_full_disk_below_the_results_detaches",
    },
    "home read-only": "faults/test_places.py::test_a_home_that_is_read_only",
    "/tmp noexec": "faults/test_places.py::test_no_program_may_run_in_tmp",
    # Clocks.
    "clock hours off, stepping back": {
        "a job": "faults/test_places.py::test_a_clock_that_is_hours_off_and_steps_back",
        "its limits": "faults/test_places.py::test_limits_hold_though_the_clock_steps_back",
        "by construction": "faults/test_places.py::"
        "test_the_server_part_never_asks_for_the_time_of_day",
    },
    # Ways in.
    "MaxSessions 1": {
        "20 jobs": "ssh/test_jobs_over_ssh.py::test_twenty_jobs_need_one_session_only",
        "50 jobs": "faults/test_doors.py::test_fifty_jobs_at_once_on_one_host",
    },
    "MaxStartups 1:100:1": {
        "50 jobs": "faults/test_doors.py::test_fifty_jobs_at_once_on_one_host",
        "a full door": "faults/test_doors.py::test_a_door_that_was_full_is_tried_again",
        "logins at once": "ssh/test_reaching_hosts.py::test_a_crowded_door_is_told_as_what_it_is",
    },
    "50 jobs on one host": "faults/test_doors.py::test_fifty_jobs_at_once_on_one_host",
    "banner, motd, noisy login": {
        shell: f"faults/test_doors.py::test_a_noisy_login[{shell}]"
        for shell in ("bash", "dash", "zsh", "fish", "csh")
    },
    "locale": {
        "C": "faults/test_doors.py::test_a_locale_that_is_not_utf_8[C]",
        "ko_KR.EUC-KR": "faults/test_doors.py::test_a_locale_that_is_not_utf_8[ko_KR.EUC-KR]",
    },
    "login gone half way": {
        "certificate or agent": "faults/test_logins.py::test_a_login_that_ends_half_way",
        "and the controller as well": "faults/test_logins.py::"
        "test_a_long_loss_is_told_once_where_a_login_is_missing",
    },
    "host key changed": {
        "between attempts": "faults/test_logins.py::test_a_host_key_that_changes_between_attempts",
        "under a build": "faults/test_logins.py::test_a_host_key_that_changes_under_a_build",
    },
    # The controller.
    "controller killed": {
        "at any event": "acceptance/test_controller_gone.py::"
        "test_a_run_that_is_killed_after_any_event_has_the_same_result",
        "at any event, twice in a row": "faults/test_controllers.py::"
        "test_controllers_killed_at_any_event_twice_in_a_row",
    },
    "two controllers": {
        "resuming": "faults/test_controllers.py::test_of_two_that_resume_one_is_refused",
        "beginning": "acceptance/test_controller_gone.py::"
        "test_the_same_pipeline_is_not_run_twice_at_once",
        "the older one wakes": "contract/test_refusals.py::test_an_older_controller",
    },
    "database locked": {
        "for long": "faults/test_controllers.py::test_a_store_that_another_program_keeps_locked",
        "for a moment": "faults/test_controllers.py::test_a_store_that_is_locked_for_a_moment",
    },
    "database cut short": "acceptance/test_this_machine.py::"
    "test_a_state_that_was_cut_short_is_told",
    # People.
    "notifier hangs": "faults/test_notifiers.py::test_a_notifier_that_hangs",
    "notifier exits 0 on failure": "faults/test_notifiers.py::"
    "test_a_notifier_that_exits_0_on_failure",
    "notifier answers 429 for ever": "faults/test_notifiers.py::test_a_chat_that_is_busy_for_ever",
}


def held_faults() -> Iterator[tuple[str, TestId]]:
    """Yield each fault, with its phase where it has some, and its test."""
    for fault, held in FAULTS.items():
        if isinstance(held, str):
            yield fault, held
        else:
            yield from ((f"{fault}, {phase}", test) for phase, test in held.items())
