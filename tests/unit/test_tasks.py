from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import attrs
import pytest
from invoke import Collection, Program

import pipelines
from buildorch import Config, DefinitionError, Pipeline, Plan, Server, Stage
from buildorch.model import Channel, Defaults
from buildorch.planner import make_plan
from buildorch.tasks import collection, pipelines_in
from buildorch.yaml import parse_pipeline

TEAM = """\
pipeline:
  name: ccu2-full-build
  stages:
    - name: yocto-image
      server: yocto-builder
      command: "./build.py -ncpb -j 16 -p 16"
      workdir: /workspace/CCU_GEN2.0.manifest/mobis
      timeout: 3h
    - name: host-build
      server: ccu2-builder
      command: "./build.py --module container-manager"
      workdir: /workspace/ccu-2.0
      depends_on: []
      timeout: 30m
    - name: integration-test
      server: test-runner
      command: "pytest -v test_container.py"
      workdir: /workspace/integration-tests
      depends_on: [host-build]
      timeout: 1h
  on_failure:
    - notify: discord
    - retry: 1
  on_success:
    - notify: discord
    - archive: true
"""

CONFIG = Config(
    servers={
        name: Server(name=name, host=f"{name}.lan")
        for name in ("yocto-builder", "ccu2-builder", "test-runner")
    },
    channels={"discord": Channel(name="discord")},
    defaults=Defaults(timeout=7200.0, retry=1),
)

MODULE = """\
from buildorch import Pipeline, Secret, Stage, pipeline, stage

@stage
def say(text: str, times: int = 1, loud: bool = False) -> list[str]:
    return ["sh", "-c", "exit 3"] if loud else ["echo", text * times]

@pipeline(name="two words")
def told(text: str, times: int = 2, loud: bool = False):
    '''Say something.

    Args:
        text: What to say.
    '''
    return say(text=text, times=times, loud=loud)

value = Pipeline("value", Stage(name="x", command="true"))
again = value
"""


@pytest.fixture(name="package")
def _package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    folder = tmp_path / "sample_pipelines"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "some.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BUILDORCH_HOME", str(tmp_path / "home"))
    yield __import__("sample_pipelines")
    for name in [name for name in sys.modules if name.startswith("sample_pipelines")]:
        del sys.modules[name]


def invoke(tasks: Collection, *words: str) -> int:
    """Run Invoke's own program on *tasks* and return its exit code."""
    with pytest.raises(SystemExit) as left:
        Program(namespace=tasks, version="1").run(["invoke", *words])
    return left.value.code if isinstance(left.value.code, int) else 1


def comparable(plan: Plan) -> Plan:
    """Return *plan* without what only Python says: parameters, and where it was written."""
    stages = [attrs.evolve(stage, params={}) for stage in plan.stages]
    return attrs.evolve(plan, stages=stages, params={}, source=None, description=None)


def test_the_teams_pipeline_is_that_of_its_file() -> None:
    """Python and YAML make the same plan of the team's pipeline."""
    full_build = pipelines_in(pipelines)["full-build"]
    in_python, in_yaml = (
        comparable(make_plan(one, CONFIG)) for one in (full_build, parse_pipeline(TEAM))
    )
    assert in_python == in_yaml
    assert in_python.warnings == ()


def test_each_pipeline_is_a_task(package: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """A package's modules are found; a pipeline with two Python names is one task."""
    tasks = collection(package)
    assert sorted(tasks.task_names) == ["told", "value"]
    told = pipelines_in(package)["told"]
    assert [parameter.name for parameter in told.parameters()] == ["text", "times", "loud"]
    program = Program(namespace=tasks, version="1")
    with pytest.raises(SystemExit):
        program.run(["invoke", "--help", "told"])
    shown = capsys.readouterr().out
    assert "Say something." in shown
    assert "Args:" not in shown
    for words in ("--text", "What to say. (required)", "--times", "--[no-]loud", "--dry-run"):
        assert words.replace("[no-]", "") in shown


def test_a_task_says_what_it_would_run(
    package: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--dry-run` explains the plan that the options make, and runs nothing."""
    words = ("told", "--text", "hey", "--times", "3", "--dry-run")
    Program(namespace=collection(package), version="1").run(["invoke", *words], exit=False)
    assert "echo heyheyhey" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("told", "--text", "x", "--times", "eight"), "'times' takes a whole number"),
        (("told",), "needs 'text'"),
        (("told", "--text", "x", "--config", "nope.yaml"), "nope.yaml"),
    ],
)
def test_a_wrong_option_is_told_without_a_traceback(
    package: ModuleType,
    capfd: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    said: str,
) -> None:
    """A user's mistake ends with exit code 2 and one message."""
    assert invoke(collection(package), *words) == 2
    shown = capfd.readouterr().err
    assert said in shown
    assert "Traceback" not in shown


@pytest.mark.parametrize(("words", "code"), [((), 0), (("--loud",), 1)])
def test_a_task_ends_with_the_code_of_its_run(
    package: ModuleType, tmp_path: Path, words: tuple[str, ...], code: int
) -> None:
    """A pipeline that fails is a failing command; one that succeeds is not."""
    (tmp_path / "tasks.py").write_text(
        f"import {package.__name__} as pipelines\n"
        "from buildorch.tasks import collection\n"
        "ns = collection(pipelines)\n"
    )
    command = [sys.executable, "-m", "invoke", "told", "--text", "x", *words]
    done = subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr


def test_two_pipelines_of_one_name_are_refused() -> None:
    """Neither would be run in place of the other."""
    module = ModuleType("double")
    module.__dict__["x_y"] = Pipeline("p", Stage(name="a", command="true"))
    module.__dict__["x-y"] = Pipeline("q", Stage(name="b", command="true"))
    with pytest.raises(DefinitionError, match="two pipelines in double have the name 'x-y'"):
        collection(module)
