"""The law of secrets on a real host: no byte of what we keep, show or send has one in it.

A run prints its secret in every way that it can think of; then everything is searched.
"""

from __future__ import annotations

import base64
import json
import secrets as randomness
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager

import pytest
from acceptance.laptop import Done, Laptop
from acceptance.sink import Sink
from hosts import processes
from hosts.host import Host

from buildorch.analysis.lines import plain

#: Prints the secret plain, cut in two, encoded wherever it may stand, coloured, and at last.
_SCRIPT = r"""
printf 'plain %s\n' "$TOKEN"
printf 'cut %s' "${TOKEN:0:9}"; sleep 0.3; printf '%s\n' "${TOKEN:9}"
for before in '' a ab; do
    printf '%s%s tail' "$before" "$TOKEN" | base64 -w0; echo
    printf '%s%s tail' "$before" "$TOKEN" | base64 -w0 | tr '+/' '-_'; echo
done
printf '%s' "$TOKEN" | base64
sleep 0.5
printf 'fatal error: %s\033[36m%s\033[0m is no login\n' "${TOKEN:0:9}" "${TOKEN:9}"
echo "fatal error: no login with $TOKEN"
exit 3
"""

_PIPELINE = """
from buildorch import Notify, Secret, StageContext, parallel, pipeline, stage

@stage(server="h1", env={{"TOKEN": {token}}}, allow_failure=True)
def prints():
    return {script!r}

@stage(server="h1", allow_failure=True)
def raises(c: StageContext, token: {kind} = {token}):
    c.run('echo "step $TOKEN"; sleep 0.3', env={{"TOKEN": token}})
    c.log(f"noted {{token}}")
    raise RuntimeError(f"no login with {{token}}")

@stage(server="h1")
def fails():
    return 'echo "error: $TOKEN"; exit 4'

@pipeline(on_failure=[Notify("discord")], on_success=[Notify("discord")])
def leaky():
    return parallel(prints, raises, fails.with_(env={{"TOKEN": {token}}}))
"""


def needles(secret: str) -> list[bytes]:
    """Return the secret, and what of it no neighbour changes in base64 of both kinds."""
    found = [secret.encode()]
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + secret.encode())
        first, last = -(-8 * before // 6), 8 * (before + len(secret)) // 6
        found += [encoded[first:last], encoded[first:last].translate(bytes.maketrans(b"+/", b"-_"))]
    return found


def found(secret: str, places: Iterable[tuple[str, bytes]]) -> set[str]:
    """Return the places in which the secret stands, with how."""
    wanted = needles(secret)
    return {
        f"{place}: {'plain' if needle is wanted[0] else 'base64'}"
        for place, data in places
        for needle in wanted
        if needle in data
    }


def kept(laptop: Laptop, done: Done, sink: Sink) -> Iterator[tuple[str, bytes]]:
    """Yield everything that a run has left on the laptop, shown and sent, with a short name."""
    for folder, name in ((laptop.state, "state"), (laptop.work / "results", "results")):
        for path in folder.rglob("*"):
            yield name, str(path).encode()
            if path.is_file():
                yield name, path.read_bytes()
                yield name, plain(path.read_bytes())
    with closing(sqlite3.connect(laptop.state / "runs.db")) as database:
        for row in database.execute("SELECT * FROM events"):
            yield "database", repr(row).encode()
    yield "stdout", done.out.encode()
    yield "stderr", done.err.encode()
    for arrival in (*sink.taken, *sink.refused):
        text = arrival.path + json.dumps(arrival.body, ensure_ascii=False)
        yield "message", text.encode()
        yield "message", text.replace("\\", "").encode()  # Discord's escapes


@contextmanager
def watched(host: Host, laptop: Laptop) -> Iterator[set[str]]:
    """Collect the command lines of all processes on the host and of the laptop's own."""
    lines: set[str] = set()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            lines.update(host.commands())
            lines.update(processes.command_of(pid) for pid in laptop.controllers())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lines
    finally:
        over.set()
        thread.join()


def write(laptop: Laptop, token: str, kind: str) -> None:
    """Write the pipeline with its token given so."""
    laptop.file("leaky.py", _PIPELINE.format(script=_SCRIPT, token=token, kind=kind))


@pytest.fixture(name="secret")
def _secret(laptop: Laptop) -> str:
    """Give a secret of three parts that base64 writes differently, in the laptop's environment."""
    secret = f"s3cr+t/{randomness.token_urlsafe(24)}?>~"
    laptop.variables["DEPLOY_TOKEN"] = secret
    return secret


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_no_byte_of_what_is_kept_shown_or_sent_has_the_secret(
    laptop: Laptop, sink: Sink, hosts: tuple[Host, ...], secret: str, words: tuple[str, ...]
) -> None:
    """State, database, results, output, messages and every command line are searched."""
    write(laptop, 'Secret("DEPLOY_TOKEN")', "Secret")
    with watched(hosts[0], laptop) as lines:
        done = laptop.run("run", "leaky.py", *words)
    assert 1 == done.code, done
    assert sink.about("leaky")
    logs = [path.read_bytes() for path in laptop.work.glob("results/*/*/attempt-1.log")]
    assert all(b"*" * len(secret) in log for log in logs)
    assert 3 <= len(logs)
    shown = [laptop.run("logs", "last", "prints"), laptop.run("status"), laptop.run("history")]
    texts = [("later", (one.out + one.err).encode()) for one in shown]
    line = [("command line", "\n".join(lines).encode())]
    assert any("sleep" in one for one in lines)
    assert set() == found(secret, (*kept(laptop, done, sink), *texts, *line))


def test_the_search_finds_what_is_not_a_secret(
    laptop: Laptop, sink: Sink, hosts: tuple[Host, ...], secret: str
) -> None:
    """The same run with the value as ordinary text: it is found everywhere, in both forms."""
    write(laptop, repr(secret), "str")
    with watched(hosts[0], laptop) as lines:
        done = laptop.run("run", "leaky.py", "--json")
    places = found(secret, kept(laptop, done, sink))
    wanted = {"state: plain", "database: plain", "results: plain", "results: base64"}
    assert wanted | {"stdout: plain", "message: plain"} <= places
    laptop.file(
        "open.yaml",
        f"name: open\nstages:\n- {{name: a, server: h1, command: [sh, -c, "
        f"sleep 1, x, {json.dumps(secret)}]}}\n",
    )
    with watched(hosts[0], laptop) as lines:
        assert 0 == laptop.run("run", "open.yaml").code
    assert {"ps: plain"} == found(secret, [("ps", "\n".join(lines).encode())])


_GIVES_AWAY = """
from buildorch import Secret, StageContext, pipeline, stage

@stage(server="h1")
def gives(c: StageContext, token: Secret = Secret("DEPLOY_TOKEN")):
    {body}

@pipeline
def giving():
    return gives
"""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('c.run(["echo", token])', "ps would show"),
        ('c.run(f"echo {token}")', "ps would show"),
        ('c.run("true", name=token)', "ps would show"),
        ('c.outputs["x"] = {"deep": [token]}', "is stored"),
        ('c.once("x", lambda: "Bearer " + token)', "is stored"),
        ("return token", "is stored"),
        ("raise SystemExit(token)", "****"),
        ("c.run('echo $T; exit 7', env={'T': token})", "7"),
    ],
)
def test_a_function_cannot_give_a_secret_away(
    laptop: Laptop, sink: Sink, secret: str, body: str, why: str
) -> None:
    """What would be stored or stand on a command line is refused where it is asked for."""
    laptop.file("giving.py", _GIVES_AWAY.format(body=body))
    done = laptop.run("run", "giving.py", "--no-notify")
    assert (1, True) == (done.code, why in done.err), done
    assert set() == found(secret, kept(laptop, done, sink))
