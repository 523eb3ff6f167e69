from __future__ import annotations

import xml.etree.ElementTree as ET
from textwrap import dedent

import pytest

from buildorch import (
    Archive,
    Config,
    Notify,
    Pipeline,
    Plan,
    Retry,
    Server,
    Stage,
    StageContext,
    stage,
)
from buildorch.drawing import draw, levels
from buildorch.errors import UsageError
from buildorch.explaining import explain
from buildorch.model import Channel, Defaults
from buildorch.planner import make_plan

CONFIG = Config(
    servers={
        "yocto-builder": Server(name="yocto-builder", host="192.0.2.1", build_type="bitbake"),
        "runner": Server(name="runner", host="runner", workdir="/tests"),
    },
    channels={"discord": Channel(name="discord"), "off": Channel(name="off", enabled=False)},
    defaults=Defaults(timeout=7200.0, server="runner"),
)


@stage(idle_timeout="10m", artifacts="*.bin", allow_failure=True)
def host_build(c: StageContext, module: str = "vam") -> None:
    """Stand for a stage function."""
    raise AssertionError([c, module])


IMAGE = Stage(name="image", command="bitbake x", server="yocto", timeout="3h", fallback=["runner"])
TEST = Stage(name="test", command=["pytest", "-k", "a b"], workdir="/t", shell="zsh", always=True)  # noqa: S604 - a stage runs in a shell


@pytest.fixture(name="plan")
def _plan() -> Plan:
    return make_plan(
        Pipeline(
            "nightly",
            [IMAGE, host_build] >> TEST,
            on_failure=[Retry(1, on=["failed", "timed_out"]), Notify("discord"), Notify("off")],
            on_success=Archive(),
            fail_fast=True,
            description="Every night.",
        ),
        CONFIG,
    )


def test_a_plan_is_told_in_words(plan: Plan) -> None:
    """`check` says what runs where, how often and how long, and who is told."""
    expected = """\
        nightly: 3 stages, at most 3 at once
        Every night.
        the first failure cancels what could still go on (fail_fast)
        the results of a successful run are archived

        1. image, on yocto-builder (192.0.2.1, one stage at once)
           bitbake x
           in the account's home folder, by bash -e (sh -e where there is no bash)
           at most 2 attempts (after failed, timed_out), each up to 3h
           if the server cannot be reached: runner

        2. host-build, on runner (the default server)
           the function MODULE:host_build(module=vam)
           in /tests, by bash -e (sh -e where there is no bash)
           at most 2 attempts (after failed, timed_out), each up to 2h, 10min without progress
           its failure does not fail the run (allow_failure)
           collects *.bin

        3. test, on runner (the default server), after image, host-build
           pytest -k 'a b'
           in /t, without a shell
           at most 2 attempts (after failed, timed_out), each up to 2h
           runs whatever happened before it, also after a cancel (always)

        told of the start, stages done, recovered: discord
        told of failures, servers out of reach: discord
        told of the end, when all went well: nobody
        told of the end, when it did not: discord

        warning: notifier 'off' is disabled: nobody is told there"""
    module = plan.stages[1].function
    assert module is not None
    assert explain(plan, CONFIG) == dedent(expected).replace("MODULE", module.module)


def test_a_plan_that_names_no_channel_tells_all() -> None:
    """Who is told is said also where the pipeline leaves it open."""
    plan = make_plan(Pipeline("p", TEST), CONFIG)
    assert "told of the end, when all went well: discord" in explain(plan, CONFIG)
    assert "nobody is told" in explain(make_plan(Pipeline("p", host_build), Config()), Config())


def test_long_commands_are_cut() -> None:
    """A script of a page is not repeated in full."""
    script = "\n".join(f"echo {number}" for number in range(9))
    plan = make_plan(Pipeline("p", Stage(name="x", command=script)), Config())
    assert "echo 4\n   … 4 more lines" in explain(plan, Config())


def test_levels_are_longest_ways(plan: Plan) -> None:
    """A stage stands behind all that comes before it."""
    assert levels(plan) == {"image": 0, "host-build": 0, "test": 1}


def test_a_plan_is_drawn_as_text(plan: Plan) -> None:
    """Depth and predecessors can be read without a picture."""
    assert draw(plan) == dedent("""\
        image (yocto-builder)
        host-build (runner)
          test (runner) <- image, host-build""")


def test_a_plan_is_drawn_for_mermaid_and_dot(plan: Plan) -> None:
    """Each form has the stages and edges in its own words."""
    mermaid = draw(plan, "mermaid").splitlines()
    assert mermaid[0] == "flowchart LR"
    assert mermaid[1:] == [
        '  s1["image<br/>yocto-builder"]',
        '  s2["host-build<br/>runner"]',
        '  s3["test<br/>runner"]',
        "  s1 --> s3",
        "  s2 --> s3",
    ]
    dot = draw(plan, "dot").splitlines()
    assert dot[0] == 'digraph "nightly" {'
    assert '  s1 [label="image\\nyocto-builder"];' in dot
    assert dot[-3:] == ["  s1 -> s3;", "  s2 -> s3;", "}"]


def test_an_svg_is_one_document_with_all_stages(plan: Plan) -> None:
    """The picture is well-formed, and nothing in it overlaps or leaves it."""
    root = ET.fromstring(draw(plan, "svg"))  # noqa: S314 - we wrote it ourselves
    space = "{http://www.w3.org/2000/svg}"
    texts = [text.text for text in root.iter(f"{space}text")]
    assert {"image", "host-build", "test"} <= set(texts)
    boxes = [
        tuple(int(rect.attrib[key]) for key in ("x", "y", "width", "height"))
        for rect in root.iter(f"{space}rect")
    ]
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    for left, top, wide, high in boxes:
        assert left >= 0
        assert top >= 0
        assert left + wide <= width
        assert top + high <= height
    assert len({(left, top) for left, top, _, _ in boxes}) == len(boxes) == 3
    assert len(list(root.iter(f"{space}path"))) == 2 + 1  # the arrow's tip is one as well


def test_names_are_escaped() -> None:
    """What a host is called cannot break a picture."""
    odd = Config(servers={'a<"&>b': Server(name='a<"&>b')})
    plan = make_plan(Pipeline("p", Stage(name="x", command="true", server='a<"&>b')), odd)
    assert 'a<"&>b' in "".join(ET.fromstring(draw(plan, "svg")).itertext())  # noqa: S314 - our own
    assert 'a#lt;#quot;#amp;>b"]' in draw(plan, "mermaid")
    assert 'a<\\"&>b"];' in draw(plan, "dot")


def test_an_unknown_form_is_refused(plan: Plan) -> None:
    """A misspelt form names the nearest."""
    with pytest.raises(UsageError, match="did you mean 'mermaid'"):
        draw(plan, "mermiad")


def test_a_path_is_no_configuration(plan: Plan) -> None:
    """`explain` says what it takes in place of a path."""
    with pytest.raises(UsageError, match=r"takes a Config, not 'config\.yaml'"):
        explain(plan, "config.yaml")  # type: ignore[arg-type] # what is wrong with it
