"""What ssh_config says is what ssh itself would do."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildorch.backends.ssh_config import ResolvedHost, is_ssh_alias, resolve
from buildorch.errors import DefinitionError
from buildorch.model import Server

_CONFIG = """\
Include {folder}/conf.d/*.conf
Host build-01
    HostName 10.20.30.41
Match host "10.20.30.*" user ci
    IdentityFile ~/.ssh/ci_ed25519
    Port 2201
Host build-0?
    User ci
    ProxyJump hop
Host direct
    ProxyJump none
Host chained
    ProxyJump ops@first:2200,hop
Host nested
    ProxyJump behind
Host behind
    ProxyJump hop
Host tuned
    HostKeyAlias farm
    ConnectTimeout 7
    UserKnownHostsFile {folder}/one {folder}/two
    GlobalKnownHostsFile none
    IdentitiesOnly yes
    IdentityFile {folder}/%n-%r-%p
    IdentityAgent none
    AddressFamily inet
    User ci
Host proxied
    ProxyCommand relay %h %p --as %r
Host loop-a
    ProxyJump loop-b
Host loop-b
    ProxyJump loop-a
Host *
    ServerAliveInterval 15
"""
_INCLUDED = """\
Host hop
    HostName gw.example.net
    User jump
    Port 2022
    IdentityFile ~/.ssh/hop_ed25519
Host build-02
    HostName build-02.lab.example.net
    Port 2222
"""


@pytest.fixture(name="config")
def _config(tmp_path: Path) -> str:
    """Give an ssh_config with an included file, Match and jumps."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/10-hop.conf").write_text(_INCLUDED)
    (tmp_path / "config").write_text(_CONFIG.format(folder=tmp_path))
    return str(tmp_path / "config")


def _resolve(host: str, config: str, **fields: str | int) -> ResolvedHost:
    return resolve(Server(name="s", host=host, ssh_config=config, **fields))  # type: ignore[arg-type] # user and port


def _dialled(host: ResolvedHost) -> str:
    return f"{host.user}@{host.host}:{host.port}"


@pytest.mark.parametrize(
    ("host", "dialled", "jumps", "key"),
    [
        # Match stands before `User ci`, so it does not apply unless the caller says ci.
        ("build-01", "ci@10.20.30.41:22", ["jump@gw.example.net:2022"], None),
        ("ci@build-01", "ci@10.20.30.41:2201", ["jump@gw.example.net:2022"], "ci_ed25519"),
        ("build-02", "ci@build-02.lab.example.net:2222", ["jump@gw.example.net:2022"], None),
        ("hop", "jump@gw.example.net:2022", [], "hop_ed25519"),
        ("x@direct:23", "x@direct:23", [], None),
        ("x@chained", "x@chained:22", ["ops@first:2200", "jump@gw.example.net:2022"], None),
        ("x@proxied", "x@proxied:22", [], None),
    ],
)
def test_include_match_and_jumps_are_as_ssh_has_them(
    config: str, host: str, dialled: str, jumps: list[str], key: str | None
) -> None:
    """User, port, key and hops come from ssh -G; a hop never takes those of its target."""
    found = _resolve(host, config)
    assert dialled == _dialled(found)
    assert jumps == [_dialled(jump) for jump in found.jumps]
    assert all(not jump.jumps for jump in found.jumps)
    if key:
        assert [key] == [Path(path).name for path in found.identity_files]


def test_a_jump_host_has_jumps_of_its_own(config: str) -> None:
    """The first hop's own ProxyJump comes before it."""
    names = [jump.name for jump in _resolve("nested", config).jumps]
    assert names == ["hop", "behind"]


def test_every_value_that_decides_about_trust_is_taken(config: str, tmp_path: Path) -> None:
    """known_hosts files, alias, keys, agent, timeout and family are those of ssh_config."""
    found = _resolve("tuned", config, port=2022)
    assert (f"{tmp_path}/one", f"{tmp_path}/two") == found.known_hosts
    assert found.key_name == "farm"
    assert (f"{tmp_path}/tuned-ci-2022",) == found.identity_files
    assert found.identities_only
    assert found.agent is None
    assert (found.connect_timeout, found.family) == (7.0, "inet")


def test_a_known_hosts_file_with_a_space_is_one_file(tmp_path: Path) -> None:
    """`ssh -G` quotes nothing, so a name with a space is recognised by the file being there."""
    known = tmp_path / "known hosts"
    known.write_text("")
    (tmp_path / "config").write_text(f'UserKnownHostsFile "{known}"\nGlobalKnownHostsFile none\n')
    assert (str(known),) == _resolve("any", str(tmp_path / "config")).known_hosts


def test_the_server_wins_over_ssh_config(config: str) -> None:
    """User and port of the configuration are stronger than those of ssh_config."""
    assert _dialled(_resolve("hop", config, user="me", port=99)) == "me@gw.example.net:99"


def test_a_proxy_command_has_its_tokens_filled_in(config: str) -> None:
    """%h, %p and %r are the target's."""
    assert _resolve("ci@proxied", config).proxy_command == "relay proxied 22 --as ci"


def test_jumps_that_never_end_are_refused(config: str) -> None:
    """A loop of jump hosts is an error that shows it."""
    with pytest.raises(DefinitionError, match=r"loop-a.*loop-b"):
        _resolve("loop-a", config)


def test_a_broken_ssh_config_is_told_in_the_words_of_ssh(tmp_path: Path) -> None:
    """The file and line that ssh complains about are in the error."""
    (tmp_path / "config").write_text("Frob yes\n")
    with pytest.raises(DefinitionError, match=r"config.* line 1: .*[Ff]rob"):
        _resolve("any", str(tmp_path / "config"))


@pytest.mark.parametrize(
    ("name", "known"),
    [("build-01", True), ("build-07", True), ("hop", True), ("nobody", False), ("-F", False)],
)
def test_an_alias_is_a_name_that_ssh_config_knows(config: str, name: str, *, known: bool) -> None:
    """A name counts as an alias only if ssh_config says of it what it does not say of any."""
    assert known == is_ssh_alias(name, config)


def test_a_rule_for_every_host_makes_no_alias(tmp_path: Path) -> None:
    """`Host *` with a domain for every name says nothing about one of them."""
    (tmp_path / "config").write_text("Host *\n    HostName %h.example.net\n    User ci\n")
    assert not is_ssh_alias("nobody", str(tmp_path / "config"))


def test_without_ssh_the_rest_is_read_with_a_warning(
    config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No ssh program: paramiko reads what it can, and it is said that Include is not read."""
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _resolve("me@tuned", config, port=2200)
    assert _dialled(found) == "me@tuned:2200"
    assert found.key_name == "farm"
    assert "no ssh program" in found.warnings[0]
    assert not is_ssh_alias("hop", config)
    assert is_ssh_alias("tuned", config)
