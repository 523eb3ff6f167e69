"""Mutants of messages: each is told once, to its end, within limits, and harms nobody."""

from __future__ import annotations

from mutants.mutant import Mutant

_NOTIFIERS = "buildorch/notifiers"
_MESSAGES = "tests/unit/test_messages.py"
_DELIVERY = "tests/notifiers/test_notifier_delivery.py"
_SERVICES = "tests/notifiers/test_notifier_services.py"
_OPENCLAW = "tests/notifiers/test_notifier_openclaw.py"
_PARTS = "tests/notifiers/test_notifier_parts.py"

TELLING = (
    Mutant(
        "told-once",
        "messages: each is told once, under one key",
        "buildorch/messages/__init__.py",
        "return [one for one in found if one.key not in view.messages]",
        "return found",
        f"{_MESSAGES}::test_a_wait_is_told_once_with_place_and_holder",
    ),
    Mutant(
        "only-urgent-again",
        "messages: only what calls for somebody may be told again",
        "buildorch/messages/__init__.py",
        "if message.topic not in _URGENT:",
        "if False:",
        f"{_MESSAGES}::test_what_nobody_answered_is_told_once_more_if_it_matters",
    ),
    Mutant(
        "barred-once",
        "messages: a login that is missing is told once a server",
        "buildorch/messages/texts.py",
        "if any(one.barred is not None and one.server == event.server for one in others):",
        "if False:",
        f"{_MESSAGES}::test_a_missing_login_is_told_once_a_server",
    ),
    Mutant(
        "dedupe",
        "messages: a key is taken once",
        f"{_NOTIFIERS}/delivery.py",
        " or message.key in self._seen:",
        ":",
        f"{_DELIVERY}::test_messages_of_a_channel_arrive_once_and_in_order_despite_429",
    ),
    Mutant(
        "stored-with-the-fact",
        "messages: stored with the fact that they are about",
        "buildorch/runner/journal.py",
        "written += [event, *due]",
        "written += [event]",
        "tests/runner/test_fencing.py::test_a_run_is_resumed_while_a_message_is_in_flight",
    ),
    Mutant(
        "length-limit",
        "notifiers: a long text is split at the service's limit",
        f"{_NOTIFIERS}/service.py",
        "return split(self.prepare(text), self.limit)",
        "return [self.prepare(text)]",
        f"{_SERVICES}::test_long_texts_come_in_order_and_within_the_limit",
    ),
    Mutant(
        "utf-16",
        "notifiers: lengths are counted as the services count",
        f"{_NOTIFIERS}/parts.py",
        'return len(text) + sum(character > "\\uffff" for character in text)',
        "return len(text)",
        f"{_PARTS}::test_units_are_utf_16",
    ),
    Mutant(
        "allowed-mentions",
        "notifiers: nobody is pinged, whatever a text says",
        f"{_NOTIFIERS}/discord.py",
        '"allowed_mentions": {"parse": []},',
        "",
        f"{_SERVICES}::test_a_webhook_is_asked_to_wait_and_may_ping_nobody",
    ),
    Mutant(
        "disarm",
        "notifiers: no text of a log is a mention",
        f"{_NOTIFIERS}/service.py",
        "return disarm(text)",
        "return text",
        "tests/security/test_hostile_logs.py::test_no_chat_obeys_a_log",
    ),
    Mutant(
        "retry-after",
        "notifiers: a service that says later is obeyed",
        f"{_NOTIFIERS}/http.py",
        'for value in (told, self.headers.get("retry-after")):',
        "for value in ():",
        f"{_SERVICES}::test_an_answer_that_says_later_is_obeyed",
    ),
    Mutant(
        "no-blind-repetition",
        "notifiers: what may have arrived is not sent again",
        f"{_NOTIFIERS}/http.py",
        'not sent again, since it may have arrived"\n    )',
        '",\n        retry_after=0.1,\n    )',
        f"{_DELIVERY}::test_an_unclear_end_is_not_repeated",
    ),
    Mutant(
        "time-limit",
        "notifiers: a message is not tried for ever",
        f"{_NOTIFIERS}/delivery.py",
        "due > deadline or",
        "",
        f"{_DELIVERY}::test_faults_are_repeated_until_they_pass_or_the_time_is_over",
    ),
    Mutant(
        "sender-is-killed",
        "notifiers: a sender that hangs is killed, and the next message goes out",
        f"{_NOTIFIERS}/senders.py",
        "process.communicate(request, timeout=self._seconds)",
        "process.communicate(request)",
        f"{_DELIVERY}::test_an_answer_that_never_ends_is_not_waited_for",
    ),
    Mutant(
        "command-is-killed",
        "notifiers: a command that hangs is killed with its children",
        f"{_NOTIFIERS}/openclaw.py",
        "os.killpg(process.pid, signal.SIGKILL)",
        "process.kill()",
        f"{_OPENCLAW}::test_a_hanging_command_is_killed_with_its_children",
    ),
    Mutant(
        "exit-0",
        "notifiers: exit code 0 is not believed",
        f"{_NOTIFIERS}/openclaw.py",
        "if not code and value is not None and failure is None and not dry:",
        "if code == 0:",
        f"{_OPENCLAW}::test_exit_code_0_is_not_believed",
    ),
    Mutant(
        "gone",
        "notifiers: a channel that is gone is not used again",
        f"{_NOTIFIERS}/delivery.py",
        "if channel in self._gone:",
        "if False:",
        f"{_DELIVERY}::test_a_webhook_that_is_gone_is_not_used_again",
    ),
    Mutant(
        "errors-are-masked",
        "notifiers: no error holds a token",
        f"{_NOTIFIERS}/senders.py",
        "return attrs.evolve(outcome, message=mask_error(outcome.message, confidential))",
        "return outcome",
        f"{_DELIVERY}::test_secrets_are_in_no_text_and_no_error",
    ),
    Mutant(
        "a-result-stops-nothing",
        "notifiers: nothing that goes wrong with a message is raised",
        f"{_NOTIFIERS}/delivery.py",
        "except Exception:  # the next message must still go out",
        "except KeyError:",
        f"{_DELIVERY}::test_a_callback_that_raises_stops_nothing",
    ),
)
