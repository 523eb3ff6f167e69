"""Files that people wrote, each with what it must mean or what must be said about it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from buildorch.definitions import Pipeline
from buildorch.errors import DefinitionError
from buildorch.model import Archive, Config, Notify, Retry
from buildorch.planner import make_plan
from buildorch.yaml.config import load_config
from buildorch.yaml.pipeline import load_pipeline

CASES = Path(__file__).parent / "cases"
EXPECTED: Mapping[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(CASES.glob("*.json"))
}
WRONG = [name for name, expected in EXPECTED.items() if "problems" in expected]
RIGHT = [name for name in EXPECTED if name not in WRONG]


def load(name: str) -> Pipeline:
    return load_pipeline(CASES / f"{name}.yaml")


def meaning(pipeline: Pipeline) -> dict[str, Any]:
    flow = pipeline.flow()
    names = [stage.name for stage in flow.stages]
    before: dict[str, list[str]] = {name: [] for name in names}
    for first, second in flow.edges:
        before[names[second]].append(names[first])
    return {
        "name": pipeline.name,
        "depends_on": before,
        "timeout": {stage.name: stage.timeout for stage in flow.stages},
        "env": {stage.name: stage.env for stage in flow.stages},
        "command": {
            stage.name: list(stage.command) if isinstance(stage.command, tuple) else stage.command
            for stage in flow.stages
        },
        "failure": [one.channel for one in pipeline.on_failure if isinstance(one, Notify)],
        "success": [one.channel for one in pipeline.on_success if isinstance(one, Notify)],
    }


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_file_means_what_was_written(name: str) -> None:
    """Nothing is retyped, renamed, split or lost."""
    found = meaning(load(name))
    assert EXPECTED[name] == {key: found[key] for key in EXPECTED[name]}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_all_places(name: str) -> None:
    """Each problem stands at its line and column and names what is needed to mend it."""
    with pytest.raises(DefinitionError) as caught:
        load(name)
    problems = caught.value.problems
    expected = EXPECTED[name]["problems"]
    assert [[problem.line, problem.column] for problem in problems] == [
        [line, column] for line, column, _ in expected
    ]
    for problem, (_, _, words) in zip(problems, expected, strict=True):
        assert problem.file == str(CASES / f"{name}.yaml")
        assert [word for word in words if word not in problem.message] == []


def test_the_users_existing_file_loads_unchanged() -> None:
    """The seed pipeline means what it says."""
    pipeline = load("seed-pipeline")
    image, host, test = pipeline.flow().stages
    assert pipeline.name == "ccu2-full-build"
    assert pipeline.on_failure == (Notify("discord"), Retry(1))
    assert pipeline.on_success == (Notify("discord"), Archive())
    assert pipeline.flow().edges == ((1, 2),)
    assert (image.name, host.name, test.name) == ("yocto-image", "host-build", "integration-test")
    assert (image.server, host.server, test.server) == (
        "yocto-builder",
        "ccu2-builder",
        "test-runner",
    )
    assert image.command == "./build.py -ncpb -j 16 -p 16"
    assert image.workdir == "/workspace/CCU_GEN2.0.manifest/mobis"
    assert (image.timeout, host.timeout, test.timeout) == (10800.0, 1800.0, 3600.0)


def test_a_circle_is_told_where_it_stands() -> None:
    """The plan of stages that wait for each other is refused: who, and on which line."""
    with pytest.raises(DefinitionError) as caught:
        make_plan(load("circle-of-three"), Config())
    [problem] = caught.value.problems
    assert problem.line == 4
    assert "linux -> modules -> rootfs -> linux" in problem.message


@pytest.mark.parametrize("name", [name for name in RIGHT if name != "circle-of-three"])
def test_a_right_file_makes_a_plan(name: str) -> None:
    """What is loaded is what the planner takes."""
    assert make_plan(load(name), Config()).stages


def test_the_existing_files_make_a_plan_together() -> None:
    """Servers, retries and channels of the two seed files find each other."""
    plan = make_plan(load("seed-pipeline"), load_config(CASES / "seed-config.yaml"))
    assert [stage.servers[0].host for stage in plan.stages] == [
        "192.168.1.101",
        "192.168.1.102",
        "192.168.1.103",
    ]
    assert [stage.retry.times for stage in plan.stages] == [1, 1, 1]
    assert (plan.archive, plan.parallel_limit, plan.warnings) == (True, 3, ())


def test_the_locale_changes_nothing() -> None:
    """Files are UTF-8, whatever the environment says of text."""
    program = (
        "import sys; from buildorch.yaml.pipeline import load_pipeline; "
        "print(ascii(load_pipeline(sys.argv[1]).name))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, CASES / "windows-line-ends-and-hangul.yaml"],
        env={**os.environ, "LANG": "C", "LC_ALL": "POSIX", "PYTHONUTF8": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == ascii("야간 빌드") + "\n"
