"""Compiled by mypy, never run: each documented form infers, and each mistake is one."""

from __future__ import annotations

import datetime as dt
from typing import assert_type

from buildorch import (
    Archive,
    Config,
    Flow,
    Notify,
    Pipeline,
    Plan,
    Retry,
    RunResult,
    Secret,
    Stage,
    StageContext,
    parallel,
    pipeline,
    sequence,
    stage,
)
from buildorch.api import RunHandle
from buildorch.dsl import FunctionPipeline, FunctionStage


@stage
def bare() -> str:
    return "make"


@stage(  # noqa: S604 - a stage's shell
    server=["yocto-builder", "spare"],
    workdir="/w",
    timeout="3h",
    idle_timeout=dt.timedelta(minutes=20),
    retry=Retry(2, on=["failed", "timed_out"]),
    env={"TOKEN": Secret("DEPLOY_TOKEN")},
    shell="bash -eu",
    artifacts="*.bin",
    fallback="spare",
    allow_failure=True,
)
def command(module: str, jobs: int = 4) -> list[str]:
    return ["./build.py", module, str(jobs)]


@stage(timeout=90, retry=1)
def steps(c: StageContext, module: str = "vam") -> dict[str, int]:
    done = c.run(["./build.py", module], name="build", capture=True)
    assert_type(done.stdout, str)
    assert_type(done.exited, int)
    assert_type(c.remaining(), float | None)
    c.outputs["lines"] = len(done.tail(3))
    return {"seconds": int(done.seconds)}


@stage
def bare_steps(context: StageContext) -> None:
    context.sleep(1)


assert_type(bare(), FunctionStage[[]])
command(module="vam")
command("vam", jobs=8)
steps(module="dpm")
steps()
bare_steps()
command()  # type: ignore[call-arg]
command(modul="vam")  # type: ignore[call-arg]
command(module=5)  # type: ignore[arg-type]
steps(jobs=4)  # type: ignore[call-arg]

assert_type(bare >> steps, Flow)
assert_type(bare >> [command(module="x"), steps] >> bare, Flow)
assert_type([bare, steps] >> bare_steps, Flow)
assert_type(bare >> [bare >> steps, command("x")] >> bare_steps, Flow)
assert_type(parallel(bare, steps) >> [bare_steps, command("x")], Flow)
assert_type(sequence(bare, [steps, bare_steps]), Flow)
assert_type(command.matrix(module=["vam", "dpm"]), Flow)
wrong = [bare, steps] >> [bare_steps]  # type: ignore[operator]
bare >> 5  # type: ignore[operator]

assert_type(bare.named("other").name, str)
command.named("other")(module="x")
command.with_(timeout="1h", env={"A": "1"})(module="x")
bare.with_(tiemout="1h")  # type: ignore[call-arg]
bare.with_(timeout=[1])  # type: ignore[arg-type]


@pipeline
def plain() -> Flow:
    return bare >> steps


@pipeline(
    on_failure=[Retry(1), Notify("discord")],
    on_success=[Notify("discord"), Archive()],
    parallel_limit=2,
    fail_fast=True,
    timeout="2h",
)
def full_build(module: str = "vam") -> Flow:
    return parallel(bare, command(module=module) >> steps)


@pipeline
def one() -> Stage:
    return bare


assert_type(plain(), FunctionPipeline[[]])
full_build(module="dpm")
full_build(modul="dpm")  # type: ignore[call-arg]
assert_type(full_build.plan(Config(), only=["bare"], module="dpm"), Plan)
assert_type(full_build.run(module="dpm", config="config.yaml"), RunResult)
assert_type(full_build(module="dpm").start(), RunHandle)
assert_type(full_build.flow(module="dpm"), Flow)

value = Pipeline("nightly", bare >> steps, on_failure=Retry(1), env={"A": "1"})
assert_type(value.run(), RunResult)
Pipeline("nightly", bare)
Pipeline("nightly", [bare, steps])
Pipeline("nightly", bare >> steps, on_fail=Retry(1))  # type: ignore[call-arg]

Stage(name="x", command="make", timeout="1h", retry=1, server=["a", "b"], artifacts="*.bin")
Stage(name="x", command=["make", "-j8"], shell=["zsh", "-e"])  # noqa: S604 - a stage's shell
