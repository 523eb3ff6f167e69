"""Mutants of what comes from outside: hosts, logs, artifacts, secrets, whoever watches."""

from __future__ import annotations

from mutants.mutant import Mutant

_SSH = "buildorch/backends/ssh"
_CONFIG_LAWS = "tests/ssh/test_ssh_config.py"
_ARTIFACTS = "tests/security/test_hostile_artifacts.py"
_UNPACKING = "buildorch/runner/unpacking.py"
_STREAMING = "tests/analysis/test_analysis_streaming.py"
_LINES = "buildorch/analysis/lines.py"

TRUSTING = (
    # One connection.
    Mutant(
        "one-link",
        "one connection a server carries all its jobs",
        "buildorch/runner/links.py",
        "            self._links[server.name] = link\n",
        "",
        "tests/runner/test_runs.py::test_jobs_of_one_server_share_its_link",
    ),
    Mutant(
        "logins-at-once",
        "few logins at once",
        f"{_SSH}/connection.py",
        "        with slots:\n            yield\n",
        "        del slots\n        yield\n",
        "tests/ssh/test_reaching_hosts.py::test_logins_at_once_are_bounded",
    ),
    Mutant(
        "one-opening",
        "opening a connection twice at once is safe",
        f"{_SSH}/connection.py",
        "            if self.is_connected:\n                return\n",
        "",
        "tests/ssh/test_reaching_hosts.py::test_opening_one_connection_from_many_threads_is_safe",
    ),
    Mutant(
        "wait-for-a-host",
        "every wait for a host is bounded",
        f"{_SSH}/connection.py",
        '"banner_timeout": host.connect_timeout,',
        '"banner_timeout": 60,',
        "tests/ssh/test_connecting.py::test_a_port_that_says_nothing_times_out",
    ),
    # ssh_config.
    Mutant(
        "ssh-g",
        "ssh_config is resolved by ssh itself",
        "buildorch/backends/ssh_options.py",
        "if ssh is None:",
        "if True:",
        f"{_CONFIG_LAWS}::test_include_match_and_jumps_are_as_ssh_has_them",
    ),
    Mutant(
        "jumps-of-a-jump",
        "ssh_config: a jump host has jumps of its own",
        "buildorch/backends/ssh_config.py",
        "listed = through or _jumps(options)",
        "listed = through or (() if behind else _jumps(options))",
        f"{_CONFIG_LAWS}::test_a_jump_host_has_jumps_of_its_own",
    ),
    Mutant(
        "alias",
        "ssh_config: a rule for every host makes no alias",
        "buildorch/backends/ssh_config.py",
        "return answers[0] != _renamed(answers[1], nobody, name)",
        "return bool(answers[0])",
        f"{_CONFIG_LAWS}::test_a_rule_for_every_host_makes_no_alias",
    ),
    # Host keys.
    Mutant(
        "changed-key",
        "host keys: one that has changed is refused",
        f"{_SSH}/known_hosts.py",
        "any(key.blob == blob for key in trusted)",
        "trusted",
        "tests/ssh/test_known_hosts.py::test_unknown_and_changed_are_told_apart",
    ),
    Mutant(
        "trust-replaces-nothing",
        "host keys: trust never replaces a key",
        f"{_SSH}/enrolling.py",
        "except HostKeyUnknown:",
        "except Exception:",
        "tests/security/test_trust.py::test_a_changed_key_is_never_replaced",
    ),
    # Secrets.
    Mutant(
        "base64",
        "secrets: masked in base64 as well",
        "buildorch/runner/masking.py",
        "for before in range(3):",
        "for before in range(0):",
        "tests/runner/test_masking.py::test_base64_of_a_secret_is_masked_wherever_it_stands",
    ),
    # Artifacts.
    Mutant(
        "tar-names",
        "artifacts: no name leaves the results folder",
        _UNPACKING,
        'or ".." in path.parts or',
        "or",
        f"{_ARTIFACTS}::test_each_known_way_out_is_closed_and_told",
    ),
    Mutant(
        "tar-links",
        "artifacts: no link leads out of the results folder",
        _UNPACKING,
        ' or up > depth or ".." in parts[up:]',
        "",
        f"{_ARTIFACTS}::test_each_known_way_out_is_closed_and_told",
    ),
    Mutant(
        "tar-modes",
        "artifacts: nobody gets a setuid program",
        _UNPACKING,
        "0o600 | (member.mode & 0o100))",
        "0o600)\n        os.fchmod(number, member.mode)",
        f"{_ARTIFACTS}::test_a_setuid_program_arrives_as_an_ordinary_one",
    ),
    Mutant(
        "tar-sizes",
        "artifacts: no header takes the memory",
        _UNPACKING,
        "if not 0 <= size <= _LARGEST_PIECE:",
        "if False:",
        f"{_ARTIFACTS}::test_a_header_of_any_size_takes_no_memory",
    ),
    Mutant(
        "collector-stops-nothing",
        "artifacts: a stream that cannot be unpacked is a warning",
        "buildorch/runner/artifacts.py",
        "except (OSError, ValueError, tarfile.TarError) as error:",
        "except OSError as error:",
        f"{_ARTIFACTS}::test_a_stream_made_to_harm_ends_in_a_warning_at_once",
    ),
    # Logs as text.
    Mutant(
        "decoded-as-it-comes",
        "text: any pieces of a log give the same",
        "buildorch/analysis/analyzer.py",
        "whole = self._tail + data",
        "whole = data",
        f"{_STREAMING}::test_byte_by_byte",
    ),
    Mutant(
        "any-bytes",
        "text: bytes that are no UTF-8 are read",
        _LINES,
        'return line.decode("utf-8", "replace")',
        'return line.decode("utf-8")',
        f"{_STREAMING}::test_any_bytes_are_taken",
    ),
    Mutant(
        "last-line",
        "text: a last line without its end counts",
        "buildorch/analysis/analyzer.py",
        'self._block(self._tail + b"\\n", self._fed)',
        'self._block(b"", self._fed)',
        f"{_STREAMING}::test_a_last_line_without_its_end_counts",
    ),
    Mutant(
        "long-lines",
        "text: a line without an end takes no memory",
        "buildorch/analysis/analyzer.py",
        "self._tail = _bounded(whole[cut:])",
        "self._tail = whole[cut:]",
        f"{_STREAMING}::test_constant_memory",
    ),
    Mutant(
        "control-characters",
        "text: nothing of a log moves a cursor or reorders a line",
        _LINES,
        'return text if text.isprintable() else _UNSAFE.sub("", text.expandtabs())',
        "return text",
        "tests/security/test_hostile_logs.py::test_what_is_told_of_a_log_is_harmless",
    ),
    Mutant(
        "control-characters-shown",
        "text: nothing on the board is obeyed by a terminal",
        "buildorch/observers/look.py",
        "if char.isprintable() and char not in _SELECTORS",
        "if char not in _SELECTORS",
        "tests/observers/test_look.py::test_nothing_that_a_terminal_obeys_is_left",
    ),
    Mutant(
        "control-characters-told",
        "text: nothing of a log is a control in a message",
        "buildorch/messages/words.py",
        'plain = _CONTROLS.sub(" ", _ESCAPES.sub("", text))',
        "plain = text",
        "tests/unit/test_message_words.py::test_lines_of_a_log_become_plain_text",
    ),
    # Who watches.
    Mutant(
        "observer-stops-nothing",
        "an observer that fails stops no build",
        "buildorch/runner/journal.py",
        "except Exception:  # noqa: BLE001 - whoever watches must not stop a build",
        "except KeyError:",
        "tests/runner/test_resume.py::test_an_observer_that_raises_stops_no_build",
    ),
    Mutant(
        "terminal-stops-nothing",
        "a terminal that is gone ends no run",
        "buildorch/observers/output.py",
        "except (OSError, ValueError):",
        "except KeyError:",
        "tests/observers/test_lines.py::test_a_stream_that_is_gone_stops_nothing",
    ),
)
