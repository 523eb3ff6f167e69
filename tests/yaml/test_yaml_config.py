"""config.yaml: every key, every refusal with its place, and where the file is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildorch.address import parse_address
from buildorch.errors import DefinitionError
from buildorch.model import Channel, Config, Defaults, Secret, Server
from buildorch.yaml.config import find_config, load_config, parse_config

CASES = Path(__file__).parent / "cases"


def refusals(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        parse_config(text, "c.yaml")
    return [str(problem) for problem in caught.value.problems]


def server(keys: str) -> Server:
    return parse_config(f"servers:\n  box: {keys}\n").servers["box"]


def channel(keys: str, name: str = "team") -> Channel:
    return parse_config(f"notifications:\n  {name}: {keys}\n").channels[name]


def test_the_users_existing_file_loads_unchanged() -> None:
    """The seed configuration means what it says."""
    path = CASES / "seed-config.yaml"
    config = load_config(path)
    assert list(config.servers) == ["yocto-builder", "ccu2-builder", "test-runner"]
    assert config.servers["yocto-builder"] == Server(
        name="yocto-builder",
        host="192.168.1.101",
        user="build",
        workdir="/workspace/CCU_GEN2.0.manifest",
    )
    assert config.channels == {
        "discord": Channel(name="discord", options={"target": "build_channel"}),
        "telegram": Channel(name="telegram", options={"chat_id": "100200300"}),
    }
    assert config.defaults == Defaults(timeout=7200.0, retry=1, parallel_limit=3)
    assert config.file == str(path)


def test_every_key_of_a_server_arrives() -> None:
    """No key is dropped or renamed on the way."""
    text = """
servers:
  yocto:
    host: 10.0.0.1
    user: build
    port: 2222
    workdir: /work
    alias: y
    purpose: Yocto images
    build_type: bitbake
    labels: [big, arm64]
    slots: 2
    fallback: spare
    setup: source poky/oe-init-build-env build
    env: {LEVEL: 1.10, TOKEN: {secret: DEPLOY_TOKEN}}
    env_file: /etc/build.env
    login: true
    min_free: 20GB
    state_dir: /var/lib/jobs
    share_workdir: true
    ssh_config: ~/.ssh/lab
    backend: ssh
"""
    assert parse_config(text).servers["yocto"] == Server(
        name="yocto",
        host="10.0.0.1",
        user="build",
        port=2222,
        workdir="/work",
        alias="y",
        purpose="Yocto images",
        build_type="bitbake",
        labels=("big", "arm64"),
        slots=2,
        fallback=("spare",),
        setup="source poky/oe-init-build-env build",
        env={"LEVEL": "1.10", "TOKEN": Secret("DEPLOY_TOKEN")},
        env_file="/etc/build.env",
        login=True,
        min_free=20_000_000_000,
        state_dir="/var/lib/jobs",
        share_workdir=True,
        ssh_config="~/.ssh/lab",
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("ci@build-01:2222", ("ci", "build-01", 2222)),
        ("build-01", (None, "build-01", None)),
        ("::1", (None, "::1", None)),
        ("[::1]:22", (None, "::1", 22)),
        ("[::1]", (None, "::1", None)),
        ("ci@2001:db8::5", ("ci", "2001:db8::5", None)),
        ("ci@[2001:db8::5]:2222", ("ci", "2001:db8::5", 2222)),
        ("fe80::1%eth0", (None, "fe80::1%eth0", None)),
        ("ssh://ci@build-01:22", ("ci", "build-01", 22)),
    ],
)
def test_addresses_are_split_or_refused_never_misread(
    written: str, expected: tuple[str | None, str, int | None]
) -> None:
    """User, host and port are found, also beside IPv6, as a server or as its host."""
    address = parse_address(written)
    assert (address.user, address.host, address.port) == expected
    for one in (server(f"'{written}'"), server(f"{{host: '{written}'}}")):
        assert (one.user, one.host, one.port) == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("ci@build-01:abc", "port 'abc'"),
        ("ci@build-01:70000", "port '70000'"),
        ("ci@build-01:0", "port '0'"),
        ("build-01:", "port ''"),
        ("@build-01", "is no address"),
        ("ci@", "is no address"),
        ("a b", "is no address"),
        ("-oProxyCommand=x", "is no address"),
        ("a@b@c", None),
    ],
)
def test_wrong_addresses_name_what_is_wrong(written: str, said: str | None) -> None:
    """A port that is none is named; nothing that ssh would read as an option passes."""
    if said is None:
        assert server(f"'{written}'").user == "a@b"
    else:
        [message] = refusals(f"servers:\n  box: '{written}'\n")
        assert message.startswith("c.yaml:2:8: server 'box': ")
        assert said in message


def test_a_server_without_host_is_an_ssh_alias_of_its_name() -> None:
    """Only this machine has no host."""
    assert server("").host == "box"
    assert server("{workdir: /w}").host == "box"
    assert server("{backend: local}").host == ""


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("20GB", 20 * 10**9),
        ("500MiB", 500 * 2**20),
        ("20G", 20 * 2**30),
        ("1.5 TB", 1_500_000_000_000),
        ("64kb", 64_000),
    ],
)
def test_sizes_have_units(written: str, size: int) -> None:
    """GB counts in thousands; GiB and G, as in `df -h`, in 1024."""
    assert server(f"{{min_free: {written}}}").min_free == size


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{min_free: 20}", "2:19: server 'box': `min_free`: '20' is no size"),
        ("{min_free: lots}", "'lots' is no size; write one with its unit, such as 20GB"),
        ("{prot: 22}", "2:9: server 'box': unknown key 'prot'; did you mean 'port'?"),
        ("{port: 70000}", "`port`: '70000' is no whole number from 1 to 65535"),
        ("{port: 2_2}", "`port`: '2_2' is no whole number"),
        ("{port: '22'}", "`port`: '22' is no whole number"),
        ("{slots: 0}", "`slots`: '0' is no whole number from 1"),
        ("{slots: -1}", "`slots`: '-1' is no whole number"),
        ("{login: yes}", "`login`: 'yes' is neither true nor false; write one of them"),
        ("{login: 'true'}", "`login`: 'true' is neither"),
        ("{workdir: 5}", "`workdir`: text belongs here; '5' must stand in quotes"),
        ("{workdir: [a]}", "`workdir`: text belongs here, not a list"),
        ("{workdir: {a: b}}", "`workdir`: text belongs here, not keys with values"),
        ("{workdir: ' '}", "`workdir`: an empty text"),
        ("{backend: shh}", "`backend`: unknown word 'shh'; did you mean 'ssh'?"),
        ("{alias: a/b}", "`alias`: the name 'a/b' has '/'"),
        ("{env: [A]}", "`env`: variables with values belong here, not a list"),
        ("{env: {my-var: 1}}", "`env`: 'my-var' is no name of an environment variable"),
        ("{env: {A: [1]}}", "`env`: 'A': text, or {secret: VARIABLE}, belongs here, not a list"),
        ("{env: {A: {}}}", "`env`: 'A': `secret` is missing"),
        ("{env: {A: 1, A: 2}}", "`env`: duplicate key 'A', first on line 2; keep one"),
        ("{host: a@b, user: c}", "`host` and `user` both say the user; keep one of them"),
        ("[a]", "keys with values belong here, not a list"),
        ("5:5:x y", "'5:5:x y' is no address"),
    ],
)
def test_each_slip_in_a_server_is_told_where_it_stands(keys: str, said: str) -> None:
    """The message names the server, the key, and what to write."""
    [message] = refusals(f"servers:\n  box: {keys}\n")
    assert message.startswith("c.yaml:2:")
    assert said in message


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    """One report holds everything, sorted by line."""
    text = """
servers:
  a/b: {host: x}
  box: {host: x, port: abc, sluts: 1}
defaults: {retry: many, timeout: 1:30}
language: kr
nonsense: 1
"""
    lines = [int(message.split(":")[1]) for message in refusals(text)]
    assert lines == [3, 4, 4, 5, 5, 6, 7]


def test_a_name_stands_for_one_server() -> None:
    """An alias that is another server's name or alias is refused, letter case aside."""
    text = "servers:\n  one: {alias: x}\n  two: {alias: X}\n  x: {host: a}\n  ONE: {host: b}\n"
    said = "\n".join(refusals(text))
    for line, name, other in ((3, "X", "one"), (4, "x", "one"), (5, "ONE", "one")):
        assert f"c.yaml:{line}:3: {name!r} already stands for server {other!r}" in said
    assert parse_config("servers:\n  one: {alias: one}\n").servers["one"].alias == "one"


def test_channels_keep_their_options_as_text() -> None:
    """`enabled` and `via` are ours; the rest belongs to the service, as written."""
    assert channel("{enabled: false, via: openclaw, target: 'channel:1', thread: 0012}") == Channel(
        name="team",
        enabled=False,
        via="openclaw",
        options={"target": "channel:1", "thread": "0012"},
    )
    assert channel("") == Channel(name="team")


def test_secrets_come_from_the_environment() -> None:
    """`x_env: NAME` and `x: {secret: NAME}` are the same reference."""
    for keys in ("{token_env: TEAM_TOKEN}", "{token: {secret: TEAM_TOKEN}}"):
        assert channel(keys).options == {"token": Secret("TEAM_TOKEN")}


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("telegram", "{token: abcdefgh}"),
        ("telegram", "{bot_token: abcdefgh}"),
        ("discord", "{webhook: https://example.org/abcdefgh}"),
        ("discord", "{url: https://example.org/abcdefgh}"),
        ("team", "{via: apprise, url: slack://abcdefgh}"),
        ("team", "{via: openclaw, url: 'http://me:abcdefgh@localhost'}"),
        ("team", "{api_key: abcdefgh}"),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(name: str, keys: str) -> None:
    """The message says what to write instead and does not show the secret."""
    [message] = refusals(f"notifications:\n  {name}: {keys}\n")
    assert "a secret does not belong in a file" in message
    assert f"{{secret: BUILDORCH_{name.upper()}_" in message
    assert "abcdefgh" not in message


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("{enabled: on}", "channel 'team': `enabled`: 'on' is neither true nor false"),
        ("{via: telegrm}", "`via`: unknown word 'telegrm'; did you mean 'telegram'?"),
        ("{token_env: A, token: {secret: B}}", "`token` is said twice"),
        ("{token_env: 'a b'}", "`token_env`: 'a b' is no name of an environment variable"),
        ("{Target-Id: 1}", "'Target-Id' is no option's name"),
        ("{target: [a]}", "`target`: text, or {secret: VARIABLE}, belongs here, not a list"),
        ("{target: a, target: b}", "duplicate key 'target', first on line 2"),
        ("true", "channel 'team': keys with values belong here, not 'true'"),
    ],
)
def test_each_slip_in_a_channel_is_told_where_it_stands(keys: str, said: str) -> None:
    """The message names the channel and the key."""
    [message] = refusals(f"notifications:\n  team: {keys}\n")
    assert message.startswith("c.yaml:2:")
    assert said in message


def test_every_default_arrives() -> None:
    """Durations become seconds."""
    text = (
        "defaults: {timeout: 1h, retry: 2, parallel_limit: 5, server: box, "
        "lost_after: 5m, cleanup_timeout: 90}\nlanguage: ko\n"
    )
    assert parse_config(text) == Config(
        defaults=Defaults(
            timeout=3600.0,
            retry=2,
            parallel_limit=5,
            server="box",
            lost_after=300.0,
            cleanup_timeout=90.0,
        ),
        language="ko",
    )


def test_an_empty_configuration_is_one() -> None:
    """No file, an empty file and keys without values give the defaults."""
    for config in (load_config(None), parse_config(""), parse_config("servers:\ndefaults:\n")):
        assert config == Config()


def test_keys_that_begin_with_x_are_the_users_own() -> None:
    """They can hold what is shared by `<<`."""
    text = "x-lab: &lab {user: build, x-note: a}\nservers:\n  x-old: 1\n  a: {<<: *lab, host: h}\n"
    assert parse_config(text).servers == {"a": Server(name="a", host="h", user="build")}


def test_the_configuration_is_looked_up_in_order(tmp_path: Path) -> None:
    """--config, then BUILDORCH_CONFIG, the working folder, the home folder."""
    home, cwd = tmp_path / "home", tmp_path / "work"
    usual = home / ".build-orchestrator" / "config.yaml"
    environ = {"HOME": str(home)}
    cwd.mkdir()
    usual.parent.mkdir(parents=True)
    assert find_config(None, {}, cwd) is None
    assert find_config(None, environ, cwd) is None
    usual.touch()
    assert find_config(None, environ, cwd) == usual
    (cwd / "buildorch.yaml").touch()
    assert find_config(None, environ, cwd) == cwd / "buildorch.yaml"
    named = cwd / "named.yaml"
    named.touch()
    environ["BUILDORCH_CONFIG"] = "named.yaml"
    assert find_config(None, environ, cwd) == named
    assert find_config(str(usual), environ, cwd) == usual


def test_a_named_configuration_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Another file is never used in its place; the message says who named it."""
    (tmp_path / "buildorch.yaml").touch()
    with pytest.raises(DefinitionError, match=r"none\.yaml: no such file, but --config names it"):
        find_config("none.yaml", {}, tmp_path)
    with pytest.raises(DefinitionError, match="BUILDORCH_CONFIG names it"):
        find_config(None, {"BUILDORCH_CONFIG": "none.yaml"}, tmp_path)
