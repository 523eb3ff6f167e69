"""Promises 8, 9 and 11: clean streams, no leaks, and the account's own world for the command."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from contract.talk import Talk

_NASTY = (
    "it's",
    'two "words"',
    "new\nline\n",
    "\ttab $HOME `id` $(id) \\ \\n",
    "!bang! !! #",
    "한글 ünï",
    "",
    "-n",
    "*",
    "~",
    "a=b",
    "".join(chr(number) for number in range(1, 128)),
)


def test_arguments_are_exact(link: Talk) -> None:
    """No shell sees the arguments of a command that is a list."""
    log = link.output(("printf", "%s\\0", *_NASTY))
    assert log.decode().split("\0")[:-1] == list(_NASTY)


def test_environment_is_exact(link: Talk) -> None:
    """Every value arrives byte for byte, also such as no UTF-8 decodes."""
    env = {f"V{number}": value for number, value in enumerate(_NASTY)}
    env["BYTES"] = bytes(range(1, 256)).decode("utf-8", "surrogateescape")
    names = " ".join(f'"${name}"' for name in env)
    for setup in (None, "true"):
        name = "bare" if setup is None else "sourced"
        log = link.output(f"printf '%s\\0' {names}", name, env=env, setup=setup)
        values = log.decode("utf-8", "surrogateescape").split("\0")[:-1]
        assert dict(zip(env, values, strict=True)) == env


def test_the_text_is_the_users(link: Talk) -> None:
    """Shell text is run as it was written: quotes, lines, here-documents, its own exit."""
    text = (
        "cat <<'EOF'\nit's $HOME !\nEOF\nx='a  b'\necho \"$x\"; (exit 3) || echo caught $?\nexit 0"
    )
    assert link.output(text) == b"it's $HOME !\na  b\ncaught 3\n"


def test_a_large_command(link: Talk) -> None:
    """Half a million bytes of command are no trouble."""
    filler = "# " + "x" * 500_000
    assert link.output(f"{filler}\necho done") == b"done\n"


def test_no_leaks(link: Talk) -> None:
    """Neither the environment nor the command is on any command line, nor readable by others."""
    nap = link.nap()
    job = link.start(f": s3cret-in-text; {nap.text}", env={"TOKEN": "s3cret-in-env"}, setup=": s3t")
    nap.await_start()
    assert not [line for line in link.place.machine.commands() if "s3cret" in line or "s3t" in line]
    state = link.session.facts.state_dir
    assert not link.place.machine.run(f"find {state} -mindepth 1 -perm /077")
    link.session.cancel(job.id, "cancelled", 1.0)
    link.heard.end_of(job)


def test_umask(link: Talk) -> None:
    """The command has the account's own umask, not the one that hides our folders."""
    assert link.output("umask").decode() == link.place.machine.run("umask")


def test_streams(link: Talk) -> None:
    """No input, no terminal; output and errors in the order in which they were written."""
    log = link.output("cat; for n in 1 2 3; do echo o$n; echo e$n >&2; done; test ! -t 0 -a ! -t 1")
    assert log == b"o1\ne1\no2\ne2\no3\ne3\n"


def test_what_is_set_for_builds(link: Talk) -> None:
    """UTF-8, unbuffered python, a marker; nothing of the connection."""
    job = link.start(
        'echo "${LC_ALL:-${LC_CTYPE:-$LANG}} $PYTHONUNBUFFERED $BUILDORCH_JOB"; '
        "env | grep -E '^(SSH_(CONNECTION|CLIENT|TTY)|buildorch|bo)_?' || true"
    )
    link.heard.end_of(job)
    locale, unbuffered, marker = link.heard.logs[job.id].decode().split()
    assert "utf" in locale.lower()
    assert unbuffered == "1"
    assert marker.startswith(f"{job.id}@")


def test_signals_are_not_ignored(link: Talk) -> None:
    """The command dies of INT, QUIT and PIPE as it does at a terminal."""
    for name, number in (("INT", 2), ("QUIT", 3), ("PIPE", 13), ("HUP", 1), ("USR1", 10)):
        end = link.end(("sh", "-c", f"kill -{name} $$; sleep 1"), name)
        assert (end.kind, end.code) == ("signal", number), name


def test_default_shell(link: Talk) -> None:
    """The text is run by bash with -e, without -u and without pipefail."""
    assert link.output('echo "${BASH_VERSION:+bash} $UNSET"; false | true') == b"bash \n"


@pytest.mark.parametrize("words", [("sh", "-e"), ("bash", "-eu", "-o", "pipefail"), ("cat",)])
def test_own_shell(link: Talk, words: tuple[str, ...]) -> None:
    """The stage's own shell reads the text, whatever program that is."""
    job = attrs.evolve(link.job("echo hello", setup="true"), shell=words)
    link.session.start(job)
    assert link.heard.end_of(job).ok
    assert bytes(link.heard.logs[job.id]) == (b"echo hello\n" if words == ("cat",) else b"hello\n")


def test_setup_is_sourced(link: Talk) -> None:
    """The setup is sourced in the command's own shell, without -u: folder, PATH, functions."""
    setup = 'cd /tmp\nPATH="/opt/x:$PATH"; export Y="$UNSET"yes\nhello() { echo "hello $1"; }'
    job = link.job('hello $Y; pwd; echo "${PATH%%:*}"', "text", setup=setup)
    strict = ("bash", "-eu")
    link.session.start(attrs.evolve(job, shell=strict))
    assert link.heard.end_of(job).ok
    assert link.heard.logs[job.id] == b"hello yes\n/tmp\n/opt/x\n"
    log = link.output(("sh", "-c", 'echo "$Y"; pwd'), "argv", setup=setup)
    assert log == b"yes\n/tmp\n"


def test_env_file_and_login(link: Talk) -> None:
    """env_file comes before the setup, a login shell reads the profile, env wins over both."""
    folder = link.place.folder
    link.place.machine.run(f"printf 'A=file\\nB=file\\n' >{folder}/x.env")
    link.place.machine.run("printf 'export C=profile B=profile\\n' >~/.profile")
    fields: dict[str, Any] = {"env": {"B": "stage"}, "env_file": f"{folder}/x.env", "login": True}
    log = link.output("sh -c 'echo $A $B $C $D'", setup="export D=$A", **fields)
    assert log == b"file stage profile file\n"


def test_workdir(link: Talk) -> None:
    """Absolute folders, `~/` and relative ones, which begin at the home folder; odd names too."""
    odd = "it's a $HOME\nfolder 한"
    link.output(("mkdir", "-p", f"{link.place.folder}/{odd}", odd), "made")
    home = link.session.facts.home
    for number, (workdir, wanted) in enumerate(
        [
            (None, home),
            ("~", home),
            (odd, f"{home}/{odd}"),
            (f"~/{odd}", f"{home}/{odd}"),
            (f"{link.place.folder}/{odd}", f"{link.place.folder}/{odd}"),
        ]
    ):
        log = link.output("pwd", f"job{number}", workdir=workdir)
        assert log.decode() == f"{wanted}\n"
