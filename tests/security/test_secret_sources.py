"""Laws of secrets: where they come from, how they are stored, what is said of a missing one."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch import api
from buildorch.definitions import Pipeline
from buildorch.errors import DefinitionError, UsageError
from buildorch.flow import Stage
from buildorch.job import JobEnd
from buildorch.model import Channel, Config, Secret
from buildorch.notifiers.settings import resolve
from buildorch.parameters import decode, encode
from buildorch.planner import make_plan
from buildorch.secret_sources import inspect, look_up
from buildorch.secret_values import resolve_secrets
from buildorch.store.codec import plan_from_dict, plan_to_dict
from buildorch.testing import FakeBackend
from buildorch.yaml.pipeline import parse_pipeline

VALUE = "hunter22-and-more"

#: A keyring of the test's own, which any program on this machine could be.
_KEYRING = f"""
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

class Ours(KeyringBackend):
    priority = 1

    def get_password(self, service, user):
        if service == "locked":
            raise KeyringLocked("the password is {VALUE}")
        return "{VALUE}" if (service, user) == ("artifactory", "ci") else None

    def set_password(self, service, user, password): ...
    def delete_password(self, service, user): ...
"""

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
secrets = st.one_of(
    texts.map(Secret),
    texts.map(Secret.file),
    st.lists(texts, min_size=1).map(Secret.command),
    st.tuples(texts, texts).map(lambda entry: Secret.keyring(*entry)),
)


def private(folder: Path, content: str | bytes = VALUE, mode: int = 0o600) -> str:
    """Return the path of a file that only its owner may read."""
    path = folder / "token file"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)
    return str(path)


def prints(text: str) -> Secret:
    """Return a secret that a program prints."""
    return Secret.command([sys.executable, "-c", text])


@given(secret=secrets)
def test_a_reference_comes_back_from_the_store_as_it_was(secret: Secret) -> None:
    """Reference, parameter and repr of every kind of secret name the same secret again."""
    assert secret == Secret.of(json.loads(json.dumps(secret.reference)))
    assert secret == decode(json.loads(json.dumps(encode(secret))))
    assert secret == eval(repr(secret), {"Secret": Secret})  # noqa: S307 - of our own repr
    assert hash(secret) == hash(Secret.of(secret.reference))


@pytest.mark.parametrize(
    "reference", [None, 1, [], {}, {"file": 1}, {"command": []}, {"file": "/x", "command": ["y"]}]
)
def test_what_is_no_reference_is_refused(reference: object) -> None:
    """A damaged store is told from a secret."""
    with pytest.raises(ValueError, match="no reference"):
        Secret.of(reference)  # type: ignore[arg-type] # wrong on purpose


def test_each_source_gives_the_value_without_its_line_end(tmp_path: Path) -> None:
    """Environment, file and command give the same text, whatever its last line end."""
    environ = {"TOKEN": VALUE, "PATH": os.environ["PATH"]}
    assert VALUE == look_up(Secret("TOKEN"), environ)
    assert VALUE == look_up(Secret.file(private(tmp_path, f"{VALUE}\r\n")), environ)
    assert VALUE == look_up(prints("import os; print(os.environ['TOKEN'])"), environ)


def test_the_keyring_gives_the_value_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The account's keyring is asked; nothing that it said is in a message."""
    (tmp_path / "our_keyring.py").write_text(_KEYRING)
    monkeypatch.syspath_prepend(str(tmp_path))
    import keyring  # noqa: PLC0415 - with the path above
    from our_keyring import Ours  # type: ignore[import-not-found] # noqa: PLC0415 - written above

    before = keyring.get_keyring()
    keyring.set_keyring(Ours())
    try:
        assert VALUE == look_up(Secret.keyring("artifactory", "ci"), {})
        with pytest.raises(UsageError, match="keyring set artifactory 'no body'"):
            look_up(Secret.keyring("artifactory", "no body"), {})
        with pytest.raises(UsageError, match="locked") as locked:
            look_up(Secret.keyring("locked", "ci"), {})
        assert VALUE not in str(locked.value)
    finally:
        keyring.set_keyring(before)


def test_without_the_extra_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The package is needed by those only who use a keyring."""
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match=r"pip install 'buildorch\[keyring\]'"):
        look_up(Secret.keyring("artifactory", "ci"), {})


@pytest.mark.parametrize(
    ("content", "mode", "message"),
    [
        (VALUE, 0o640, "mode 0640.*chmod 600 '/.*token file'"),
        (VALUE, 0o604, "mode 0604"),
        (VALUE, 0o622, "mode 0622"),
        ("short", 0o600, "shorter than 6"),
        ("", 0o600, "shorter than 6"),
        ("a\0bcdefgh", 0o600, "NUL"),
        (b"\xff\xfe123456", 0o600, "no UTF-8"),
        ("x" * 70000, 0o600, "longer than 64 KiB"),
    ],
)
def test_a_file_that_cannot_keep_a_secret_is_refused(
    tmp_path: Path, content: str | bytes, mode: int, message: str
) -> None:
    """The message says what is wrong and how to mend it, and shows nothing of the content."""
    with pytest.raises(UsageError, match=message) as refused:
        look_up(Secret.file(private(tmp_path, content, mode)), {})
    assert VALUE not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("relative/token", "no absolute path"),
        ("/no/such/file", "No such file"),
        ("/dev/null", "no ordinary file"),
        ("/", "no ordinary file"),
        ("~nobody-at-all/x", "no absolute path"),
    ],
)
def test_a_path_without_a_secret_is_told(path: str, message: str) -> None:
    """Whatever lies there, it is said at once: a FIFO or a device is not waited for."""
    with pytest.raises(UsageError, match=message):
        look_up(Secret.file(path), {})


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    """A start never hangs on a file that nobody writes."""
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(UsageError, match="no ordinary file"):
        look_up(Secret.file(tmp_path / "fifo"), {})


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        (prints(f"print('{VALUE}'); raise SystemExit(3)"), "exit code 3"),
        (prints("import os; os.kill(os.getpid(), 9)"), "signal 9"),
        (prints(f"import sys; print('{VALUE}', file=sys.stderr)"), "shorter than 6"),
        (prints("print('x' * 100000)"), "longer than 64 KiB"),
        (prints("while True: print('x' * 1000)"), "longer than 64 KiB"),
        (Secret.command(["no-such-program-here"]), "no such program"),
        (Secret.command(["/etc/passwd"]), "no such program"),
    ],
)
def test_of_a_command_that_fails_only_its_end_is_told(secret: Secret, message: str) -> None:
    """Half of its output may be the secret: none of it is in a message."""
    with pytest.raises(UsageError, match=message) as failed:
        look_up(secret, {"PATH": os.environ["PATH"]}, seconds=20)
    assert VALUE not in str(failed.value)


@pytest.mark.parametrize("rest", ["", "os.fork() and os._exit(0);"])
def test_a_command_that_does_not_end_is_given_up(rest: str) -> None:
    """Also where only its child still runs and keeps the pipe."""
    begun = time.monotonic()
    script = f"import os, time; print('{VALUE}', flush=True); {rest} time.sleep(3)"
    with pytest.raises(UsageError, match=r"did not end within 0\.2 s"):
        look_up(prints(script), {"PATH": os.environ["PATH"]}, seconds=0.2)
    assert time.monotonic() - begun < 3


def test_a_look_ahead_runs_nothing(tmp_path: Path) -> None:
    """`check` says what is missing without running a command."""
    mark = tmp_path / "mark"
    inspect(prints(f"open({str(mark)!r}, 'w')"), {"PATH": os.environ["PATH"]})
    assert not mark.exists()
    with pytest.raises(UsageError, match="no such program"):
        inspect(Secret.command(["no-such-program-here"]), {})


def test_all_secrets_are_resolved_before_a_server_is_touched(tmp_path: Path) -> None:
    """Every secret that is not there is told at once, with its stage; nothing was launched."""
    fake = FakeBackend()
    env = {"A": Secret("NO_SUCH"), "B": Secret.file("/no/such"), "C": Secret.command(["nope-x"])}
    flow = Stage(name="first", command="true") >> Stage(name="last", command="true", env=env)
    options = api.Options(
        config=Config(), home=tmp_path / "home", results=tmp_path / "r", backends={"local": fake}
    )
    with pytest.raises(DefinitionError) as refused:
        api.run(Pipeline("p", flow), options)
    messages = [problem.message for problem in refused.value.problems]
    assert 3 == len(messages)
    assert all(message.startswith("stage last: the secret ") for message in messages)
    assert not fake.launched("first")
    assert not (tmp_path / "r").exists()


def test_at_resume_too_all_are_resolved_first(tmp_path: Path) -> None:
    """A secret that is gone when a run goes on stops it before anything is launched."""
    path = private(tmp_path)
    again = Stage(name="b", command="true", env={"TOKEN": Secret.file(path)})
    plan = make_plan(Pipeline("p", again), Config())
    assert {Secret.file(path): VALUE} == resolve_secrets(plan.stages, {})
    stored = plan_from_dict(json.loads(json.dumps(plan_to_dict(plan))))
    assert VALUE not in json.dumps(plan_to_dict(plan))
    Path(path).unlink()
    with pytest.raises(DefinitionError, match=r"the secret file '/.*' cannot be read: No such"):
        resolve_secrets(stored.stages, {})


def test_each_secret_is_looked_up_once(tmp_path: Path) -> None:
    """Two stages with the same command ask the user's store once."""
    count = tmp_path / "count"
    secret = prints(f"open({str(count)!r}, 'a').write('x'); print('{VALUE}')")
    stages = [Stage(name=name, command="true", env={"T": secret}) for name in "ab"]
    plan = make_plan(Pipeline("p", stages[0] >> stages[1]), Config())
    assert {secret: VALUE} == resolve_secrets(plan.stages, {"PATH": os.environ["PATH"]})
    assert "x" == count.read_text()


def test_commands_get_the_value_of_every_source(tmp_path: Path) -> None:
    """In `env` and as a parameter, from a file and from a command."""
    stage = Stage(
        name="a",
        command="true",
        env={"A": Secret.file(private(tmp_path))},
        params={"token": prints(f"print('{VALUE}')")},
    )
    fake = FakeBackend()
    options = api.Options(
        config=Config(), home=tmp_path / "home", results=tmp_path / "r", backends={"local": fake}
    )
    assert api.run(Pipeline("p", stage), options).ok
    (job,) = fake.launched("a")
    assert (VALUE, VALUE) == (job.env["A"], job.env["BUILDORCH_PARAM_TOKEN"])
    assert JobEnd(kind="exit", code=0).ok


@pytest.mark.parametrize(
    ("written", "secret"),
    [
        ("{secret: TOKEN}", Secret("TOKEN")),
        ("{secret: {file: ~/.token}}", Secret.file("~/.token")),
        ("{secret: {command: [pass, show, a b]}}", Secret.command(["pass", "show", "a b"])),
        ("{secret: {keyring: {service: s, user: u}}}", Secret.keyring("s", "u")),
    ],
)
def test_yaml_says_the_same_as_python(written: str, secret: Secret) -> None:
    """Each form is written the same way wherever a secret may stand."""
    pipeline = parse_pipeline(f"name: p\nstages:\n- {{name: a, command: x, env: {{T: {written}}}}}")
    (planned,) = make_plan(pipeline, Config()).stages
    assert {"T": secret} == dict(planned.env)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{secret: {file: token}}", "no absolute path"),
        ("{secret: {file: ~/a, command: [b]}}", "comes from one of file, command, keyring"),
        ("{secret: {}}", "comes from one of file, command, keyring"),
        ("{secret: {vault: x}}", "unknown key 'vault'"),
        ("{secret: {command: pass show x}}", "a list belongs here"),
        ("{secret: {keyring: {service: s}}}", "`user` is missing"),
    ],
)
def test_yaml_that_names_no_secret_is_refused(written: str, message: str) -> None:
    """Each slip is told with its line."""
    text = f"name: p\nstages:\n- {{name: a, command: x, env: {{T: {written}}}}}"
    with pytest.raises(DefinitionError, match=message):
        parse_pipeline(text)


def test_a_channel_takes_a_secret_from_every_source(tmp_path: Path) -> None:
    """A token of a channel may lie in a file; one that is not there is said, and what to do."""
    channel = Channel(name="telegram", options={"token": Secret.file(private(tmp_path))})
    assert VALUE == resolve(channel, {}).options["token"]
    assert VALUE in resolve(channel, {}).confidential
    assert VALUE not in repr(resolve(channel, {}))
    gone = Channel(name="telegram", options={"token": Secret.file("/no/such")})
    assert "cannot be read" in resolve(gone, {}).unset["token"]
