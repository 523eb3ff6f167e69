"""pipeline.yaml: every key, every way to write it, and every refusal with its place."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import attrs
import pytest

from buildorch.definitions import Pipeline
from buildorch.errors import DefinitionError
from buildorch.flow import Stage
from buildorch.model import Archive, Notify, Retry, Secret
from buildorch.origin import Origin
from buildorch.yaml.pipeline import PIPELINE_FIELDS, load_pipeline, parse_pipeline
from buildorch.yaml.stages import STAGE_FIELDS

ONE_STAGE = "stages: [{name: a, command: make}]"


def refusals(text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        parse_pipeline(text, "p.yaml")
    return [str(problem) for problem in caught.value.problems]


def pipeline(keys: str) -> Pipeline:
    return parse_pipeline(f"name: nightly\n{ONE_STAGE}\n{keys}\n")


def stage(keys: str) -> Stage:
    return parse_pipeline(f"name: nightly\nstages:\n- {{name: a, {keys}}}\n").flow().stages[0]


def test_every_key_of_a_stage_arrives() -> None:
    """No key is dropped or renamed on the way."""
    text = r"""
name: nightly
stages:
  - name: image
    title: The image
    server: [yocto, spare]
    command: bitbake image
    workdir: /work
    timeout: 3h
    idle_timeout: 20min
    lease: 15m
    retry: {times: 2, on: [failed, timed_out]}
    env: {LEVEL: 1.10, TOKEN: {secret: DEPLOY_TOKEN}}
    setup: source poky/oe-init-build-env
    shell: bash -e -o pipefail
    artifacts: [out/*.wic, log.txt]
    resources: rack/1
    lock: board
    fallback: other
    allow_failure: true
    always: true
    success_if: BUILD SUCCESS
    fail_if: ^FAILED
    analyze: false
    tool: bitbake
    progress: (?P<percent>\d+)% done
"""
    [found] = parse_pipeline(text, "p.yaml").flow().stages
    expected = {
        "name": "image",
        "title": "The image",
        "server": ("yocto", "spare"),
        "command": "bitbake image",
        "workdir": "/work",
        "timeout": 10800.0,
        "idle_timeout": 1200.0,
        "lease": 900.0,
        "retry": Retry(2, ("failed", "timed_out")),
        "env": {"LEVEL": "1.10", "TOKEN": Secret("DEPLOY_TOKEN")},
        "setup": "source poky/oe-init-build-env",
        "shell": ("bash", "-e", "-o", "pipefail"),
        "artifacts": ("out/*.wic", "log.txt"),
        "resources": ("rack/1",),
        "lock": "board",
        "fallback": ("other",),
        "allow_failure": True,
        "always": True,
        "success_if": "BUILD SUCCESS",
        "fail_if": "^FAILED",
        "analyze": False,
        "tool": "bitbake",
        "progress": r"(?P<percent>\d+)% done",
    }
    assert {key: getattr(found, key) for key in expected} == expected
    assert found.origin == Origin("p.yaml", 4, 5)
    assert set(expected) | {"depends_on", "retries"} == set(STAGE_FIELDS)


def test_every_key_of_a_pipeline_arrives() -> None:
    """No key is dropped or renamed on the way, with or without `pipeline:` above."""
    text = """
name: full build
title: The whole
description: Image and tests
server: yocto
fallback: [spare]
workdir: /work
timeout: 2h
idle_timeout: 10m
retry: 1
env: {A: 010}
setup: . ./env.sh
shell: [bash, -eu]
parallel_limit: 2
fail_fast: true
archive: true
on_failure: {notify: [discord, telegram]}
on_success: {notify: discord}
notifications: {type: pager, on: failure}
stages: [{name: a, command: make}]
"""
    expected = {
        "name": "full build",
        "title": "The whole",
        "description": "Image and tests",
        "server": "yocto",
        "fallback": ("spare",),
        "workdir": "/work",
        "timeout": 7200.0,
        "idle_timeout": 600.0,
        "retry": Retry(1),
        "env": {"A": "010"},
        "setup": ". ./env.sh",
        "shell": ("bash", "-eu"),
        "parallel_limit": 2,
        "fail_fast": True,
        "on_failure": (Notify("discord"), Notify("telegram"), Notify("pager")),
        "on_success": (Notify("discord"), Archive()),
    }
    inside = "pipeline:" + text.replace("\n", "\n  ").rstrip() + "\n"
    for one in (text, inside):
        found = parse_pipeline(one)
        assert {key: getattr(found, key) for key in expected} == expected
        assert [stage.name for stage in found.flow().stages] == ["a"]
    assert set(expected) | {"archive", "notifications", "retries", "stages"} == set(PIPELINE_FIELDS)


def test_stages_are_wired_by_name() -> None:
    """Edges follow depends_on; entries and exits are those of the whole, so it composes."""
    text = """
name: nightly
stages:
  - {name: last, command: make, depends_on: [left, right, left]}
  - {name: left, command: make, depends_on: first}
  - {name: right, command: make, depends_on: [first]}
  - {name: first, command: make}
"""
    flow = parse_pipeline(text).flow()
    assert flow.edges == ((1, 0), (2, 0), (3, 1), (3, 2))
    assert (flow.heads, flow.tails) == ((3,), (0,))


def test_names_are_compared_in_their_normal_form() -> None:
    """A name typed on another system, in another composition, is the same name."""
    apart = unicodedata.normalize("NFD", "빌드")
    text = f"name: n\nstages:\n- {{name: {apart}, command: a}}\n- {{name: b, command: b, "
    assert parse_pipeline(f"{text}depends_on: 빌드}}").flow().edges == ((0, 1),)
    said = refusals(f"{text}depends_on: c}}\n- {{name: 빌드, command: c}}")
    assert any("duplicate stage name" in message for message in said)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("command: make, retry: 2", {"retry": Retry(2)}),
        ("command: make, retries: 2", {"retry": Retry(2)}),
        ("command: make, retry: {times: 1}", {"retry": Retry(1)}),
        ("command: make, retry: {times: 1, on: timed_out}", {"retry": Retry(1, ("timed_out",))}),
        ("command: true", {"command": "true"}),
        ("command: [sleep, 5, '']", {"command": ("sleep", "5", "")}),
        ("command: make, artifacts: out.bin", {"artifacts": ("out.bin",)}),
        ("command: make, server: one", {"server": "one"}),
        ("command: make, shell: bash -c 'a b'", {"shell": ("bash", "-c", "a b")}),
        ("command: make, timeout: 90", {"timeout": 90.0}),
        ("command: make, timeout: ", {"timeout": None}),
        ("command: make, server: ~, env: null, retry: ", {"server": None, "retry": None}),
        ("command: make, x-note: {any: [thing]}", {"command": "make"}),
    ],
)
def test_short_forms_mean_the_long_ones(keys: str, expected: dict[str, object]) -> None:
    """A single value stands for a list of it, a number for its unit, nothing for no key."""
    found = stage(keys)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("comand: make", "unknown key 'comand'; did you mean 'command'?"),
        ("server: a", "stage 'a': `command` is missing"),
        ("command:", "`command` is missing"),
        ("command: []", "`command`: an empty list is no command"),
        ("command: {run: make}", "`command`: text belongs here, not keys with values"),
        ("command: ' '", "`command`: an empty text"),
        ("command: [make, [a]]", "`command`: text belongs here, not a list"),
        ("command: a, timeout: 1:30", "`timeout`: '1:30' is unclear: write 1h30m or 1min30s"),
        ("command: a, timeout: 0", "`timeout`: '0' is not more than zero"),
        ("command: a, timeout: soon", "`timeout`: 'soon' is no duration"),
        ("command: a, timeout: [1]", "`timeout`: a duration such as 45min belongs here, not a"),
        ("command: a, retry: many", "`retry`: 'many' is no whole number from 0 to 100"),
        ("command: a, retry: 1.5", "`retry`: '1.5' is no whole number"),
        ("command: a, retry: true", "`retry`: 'true' is no whole number"),
        ("command: a, retry: {on: failed}", "`retry`: `times` is missing"),
        ("command: a, retry: {times: 1, on: faild}", "unknown word 'faild'; did you mean 'failed'"),
        ("command: a, retry: 1, retries: 1", "`retries` and another key say the same; keep one"),
        ("command: a, depends_on: {b: c}", "`depends_on`: the name of a stage belongs here, not k"),
        ("command: a, depends_on: [[b]]", "`depends_on`: the name of a stage belongs here, not a"),
        ("command: a, depends_on: b", "`depends_on`: unknown stage 'b'"),
        ("command: a, env: A=1", "`env`: variables with values belong here, not 'A=1'"),
        ("command: a, env: {1A: x}", "`env`: '1A' is no name of an environment variable"),
        ("command: a, env: {A: {secret: 'b c'}}", "`env`: 'A': `secret`: 'b c' is no name"),
        ("command: a, always: yes", "`always`: 'yes' is neither true nor false"),
        ("command: a, allow_failure: 1", "`allow_failure`: '1' is neither true nor false"),
        ("command: a, success_if: '[[a]'", "`success_if`: '[[a]' is no regular expression"),
        ("command: a, success_if: '['", "`success_if`: '[' is no regular expression"),
        ('command: a, shell: "bash \'x"', "`shell`: "),
        ("command: a, shell: {a: b}", "`shell`: a shell such as `bash -e` belongs here, not keys"),
        ("command: a, title: 7", "`title`: text belongs here; '7' must stand in quotes"),
        ('command: a, title: "x\\ny"', "`title`: 'x\\ny': one line of at most 100 characters"),
        ("command: a, server: {host: b}", "`server`: text belongs here, not keys with values"),
        ("command: a, fallback: [a, {b: c}]", "`fallback`: text belongs here, not keys"),
    ],
)
def test_each_slip_in_a_stage_is_told_where_it_stands(keys: str, said: str) -> None:
    """The message names the stage, the key, and what to write."""
    messages = refusals(f"name: nightly\nstages:\n- {{name: a, {keys}}}\n")
    assert all(message.startswith("p.yaml:3:") for message in messages)
    assert all("stage 'a': " in message for message in messages)
    assert any(said in message for message in messages)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["1:1: the file is empty"]),
        ("# nothing\n", ["1:1: the file is empty"]),
        ("just words", ["1:1: keys with values belong here, not 'just words'"]),
        ("- a", ["1:1: keys with values belong here, not a list"]),
        ("name: a", ["1:1: `stages` is missing"]),
        (ONE_STAGE, ["1:1: `name` is missing"]),
        ("name: a\nstages:", ["1:1: `stages` is missing"]),
        ("name: a\nstages: []", ["2:9: there is no stage"]),
        ("name: a\nstages: make", ["2:9: a list of stages (`- name: ...`) belongs here"]),
        ("name: a\nstages: {a: make}", ["2:9: a list of stages"]),
        ("name: a\nstages: [make]", ["2:10: stage 1: keys with values belong here, not 'make'"]),
        ("name: 5\n" + ONE_STAGE, ["1:7: `name`: text belongs here; '5' must stand in quotes"]),
        ("name: a/b\n" + ONE_STAGE, ["1:7: `name`: the name 'a/b' has '/'"]),
        ("nam: a\n" + ONE_STAGE, ["1:1: unknown key 'nam'; did you mean 'name'?", "missing"]),
        ("pipeline:\n" + ONE_STAGE, ["2:1: unknown key 'stages'"]),
        ("pipeline: []", ["1:11: keys with values belong here, not a list"]),
        ("name: a\npipeline: {name: b, " + ONE_STAGE + "}", ["1:1: unknown key 'name'"]),
        ("name: a\ntimout: 1h\n" + ONE_STAGE, ["2:1: unknown key 'timout'; did you mean 'timeou"]),
        ("name: a\nfail_fast: yes\n" + ONE_STAGE, ["2:12: `fail_fast`: 'yes' is neither"]),
        ("name: a\nparallel_limit: 0\n" + ONE_STAGE, ["2:17: `parallel_limit`: '0' is no whole"]),
    ],
)
def test_each_slip_in_a_pipeline_is_told_where_it_stands(text: str, said: list[str]) -> None:
    """Nothing is guessed: what is missing or unknown is named with its line and column."""
    messages = refusals(text)
    for message, part in zip(messages, said, strict=False):
        assert part in message
    assert len(messages) >= len(said)


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    """One report holds everything that is wrong, in stages as in the pipeline."""
    text = """name: nightly
stages:
  - name: image
    comand: bitbake image
    timeout: soon
  - {name: image, command: make, depends_on: [imagee]}
  - {name: b/c, command: make}
  - {name: d, command: make, depends_on: b/c, always: maybe}
on_failure:
  - retry: x
  - notfy: discord
"""
    places = [int(message.split(":")[1]) for message in refusals(text)]
    assert places == [3, 4, 5, 6, 6, 7, 8, 10, 11]


def test_a_stage_with_a_problem_is_not_told_twice() -> None:
    """What depends on a stage whose name is refused is no second problem."""
    text = "name: n\nstages:\n- {name: a b, command: c}\n- {name: d, command: e, depends_on: a b}"
    assert len(refusals(text)) == 1


def test_a_report_has_an_end() -> None:
    """A file that is wrong everywhere is not told line by line without end."""
    keys = "\n".join(f"wrong{number}: 1" for number in range(1000))
    assert len(refusals(f"name: a\n{ONE_STAGE}\n{keys}\n")) == 50


@pytest.mark.parametrize(
    ("keys", "failure", "success"),
    [
        ("on_failure:\n- notify: a\n- retry: 1", (Notify("a"), Retry(1)), ()),
        ("on_failure: {notify: [a, b]}", (Notify("a"), Notify("b")), ()),
        ("on_failure:\n- {retry: 1, notify: a}", (Retry(1), Notify("a")), ()),
        ("on_failure: []", (), ()),
        ("on_failure:", (), ()),
        ("on_success: {archive: true}", (), (Archive(),)),
        ("on_success: {archive: false, notify: a}", (), (Notify("a"),)),
        ("archive: true", (), (Archive(),)),
        ("archive: true\non_success: {archive: true}", (), (Archive(),)),
        ("notifications:\n- type: a\n  on: [failure, success]", (Notify("a"),), (Notify("a"),)),
        ("notifications:\n- type: a", (Notify("a"),), (Notify("a"),)),
        ("notifications:\n- {type: a, on: timeout}\n- {type: b, on: [success]}", "a", "b"),
        ("notifications: {type: a, on: failure}\non_failure: {notify: a}", "a", ()),
    ],
)
def test_reactions_are_what_python_would_make(
    keys: str, failure: tuple[object, ...] | str, success: tuple[object, ...] | str
) -> None:
    """Every way to write them gives the same values, without duplicates."""
    found = pipeline(keys)
    assert found.on_failure == tuple(map(Notify, failure) if isinstance(failure, str) else failure)
    assert found.on_success == tuple(map(Notify, success) if isinstance(success, str) else success)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("on_failure: [retry: 1, retry: 2]", "`on_failure`: duplicate retry; keep one"),
        ("on_failure: [notify: a, notify: a]", "`on_failure`: duplicate notify 'a'; keep one"),
        ("on_success: [archive: true, archive: true]", "`on_success`: duplicate archive"),
        ("on_success: {retry: 1}", "`on_success`: `retry`: write retry under on_failure"),
        ("on_failure: {archive: true}", "`on_failure`: `archive`: write archive under on_success"),
        ("on_failure: retry", "`on_failure`: keys with values belong here, not 'retry'"),
        ("on_failure: [archive]", "`on_failure`: keys with values belong here, not 'archive'"),
        ("on_failure: {notify: {a: b}}", "`notify`: text belongs here, not keys with values"),
        ("on_success: {archive: maybe}", "`archive`: 'maybe' is neither true nor false"),
        ("on_failure: {retry: 1}\nretry: 1", "`retry` stands here and under `on_failure`"),
        ("notifications: {on: failure}", "`notifications`: `type` is missing"),
        ("notifications: discord", "`notifications`: keys with values belong here"),
        ("notifications: {type: a, on: fail}", "`on`: unknown word 'fail'; did you mean 'fail"),
        ("notifications: {type: a, whn: fail}", "unknown key 'whn'; known: type, on"),
    ],
)
def test_each_slip_in_a_reaction_is_told_where_it_stands(keys: str, said: str) -> None:
    """Duplicates and misplaced reactions are problems, and say where they belong."""
    [message] = refusals(f"name: nightly\n{ONE_STAGE}\n{keys}\n")
    assert message.startswith("p.yaml:")
    assert said in message


def test_a_file_and_its_text_give_the_same(tmp_path: Path) -> None:
    """Loading a path is parsing its bytes; the origin and each problem name the path."""
    path = tmp_path / "p.yaml"
    path.write_text(f"name: a\n{ONE_STAGE}\n", encoding="utf-8")
    loaded, parsed = load_pipeline(path), parse_pipeline(path.read_bytes(), str(path))
    assert loaded.origin == Origin(str(path), 1, 1)
    assert attrs.asdict(loaded.flow().stages[0]) == attrs.asdict(parsed.flow().stages[0])
