"""Pipelines from files and modules, and what is said of those that cannot be loaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildorch import Pipeline, Stage, pipeline
from buildorch.errors import DefinitionError, UsageError
from buildorch.loading import find_function, load_pipeline, parse_parameters
from buildorch.model import Config
from buildorch.planner import make_plan

TWO = """\
from buildorch import Pipeline, Stage

first = Pipeline("first", Stage(name="a", command="true"))
second = Pipeline("the second", Stage(name="b", command="true"))
again = first
"""

ONLY = """\
from buildorch import Pipeline, Stage

only = Pipeline("only", Stage(name="a", command="true"))
"""


@pytest.fixture(autouse=True)
def _imports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let each test import for itself."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def write(name: str, text: str) -> str:
    """Make a file here, and return its name."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text, encoding="utf-8")
    return name


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ("two.py:first", "first"),
        ("two.py:second", "the second"),
        ("two.py:the second", "the second"),
        ("two:second", "the second"),
        ("package.inner:only", "only"),
        ("package.inner", "only"),
        ("one.py", "only"),
        ("one.YAML", "only"),
    ],
)
def test_places(place: str, found: str) -> None:
    """A pipeline is named by file or module, and by its Python name or its own."""
    write("two.py", TWO)
    write("one.py", ONLY)
    write("package/__init__.py", "")
    write("package/inner.py", ONLY)
    write("one.YAML", "name: only\nstages: [{name: a, command: x}]\n")
    assert load_pipeline(place).name == found


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("two.py", "two.py has 2 pipelines: first, second; name one, as in"),
        ("two.py:frst", "two.py has no pipeline 'frst'; did you mean first?"),
        ("two.py:zzz", "two.py has no pipeline 'zzz'; it has first, second"),
        ("empty.py", "empty.py has no pipeline: make one with @pipeline or Pipeline(...)"),
        ("tow.py", "there is no file tow.py; did you mean two.py?"),
        ("nosuch:x", "there is no file and no module 'nosuch', which 'nosuch:x' names: No module"),
        ("two.nosuch", "there is no file and no module 'two.nosuch'"),
        ("notes.txt", "notes.txt is no pipeline: give FILE.yaml, FILE.py[:NAME] or module:NAME"),
        (".", ". is no pipeline: give FILE.yaml"),
        ("folder.yaml", "folder.yaml is a folder; name the file in it that has the pipeline"),
    ],
)
def test_places_without_a_pipeline(place: str, said: str) -> None:
    """What is not there is told by name, with what may be meant."""
    write("two.py", TWO)
    write("empty.py", "x = 1\n")
    write("notes.txt", "")
    Path("folder.yaml").mkdir()
    with pytest.raises(UsageError) as error:
        load_pipeline(place)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:\n", "bad.py:1:7: SyntaxError: invalid syntax"),
        ("\nimport nosuch\n", "bad.py:2: ModuleNotFoundError: No module named 'nosuch'"),
        ("\n\n1 / 0\n", "bad.py:3: ZeroDivisionError: division by zero"),
        ("import json\njson.loads('{')\n", "bad.py:2: JSONDecodeError: Expecting property name"),
        (
            "import sys\nsys.exit(4)\n",
            "bad.py:2: it ends the program when it is imported: exit(4)",
        ),
        ("import beside\n", "beside.py:1: NameError: name 'oops' is not defined"),
        ("raise AssertionError\n", "bad.py:1: AssertionError"),
    ],
)
@pytest.mark.parametrize("place", ["bad.py", "bad:x"])
def test_code_that_cannot_be_imported(place: str, text: str, said: str) -> None:
    """An error of the user's code is a problem with the line of theirs where it happened."""
    write("bad.py", text)
    write("beside.py", "oops\n")
    with pytest.raises(DefinitionError) as error:
        load_pipeline(place)
    assert str(error.value).startswith(said)
    assert "bad" not in sys.modules


def test_a_file_hides_no_library() -> None:
    """A file that is named as a library is loaded, and `import` still finds the library."""
    load_pipeline(write("fabric.py", TWO) + ":first")
    load_pipeline(write("queue.py", TWO) + ":first")
    write("networkx.py", "raise RuntimeError\n")
    load_pipeline("fabric.py:second")
    write("plain.py", TWO)
    load_pipeline("plain:first")
    assert sys.path[0] != str(Path.cwd())


def test_a_function_is_found_again_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The function of a stage is stored with its file, so that any folder will do to resume."""
    write(
        "steps.py",
        "from buildorch import Pipeline, stage\n"
        "@stage\n"
        "def build(c):\n    return 7\n"
        "only = Pipeline('only', build)\n",
    )
    plan = make_plan(load_pipeline("steps.py"), Config())
    ref = plan.stages[0].function
    assert ref is not None
    assert (ref.module, ref.importable) == (str(tmp_path / "steps.py"), True)
    del sys.modules["steps"]
    monkeypatch.chdir("/")
    assert find_function(None, {}, plan.stages[0])(None) == 7


@pipeline
def nightly(module: str, jobs: int = 2, *, dry: bool = False) -> Stage:
    """Build a module each night."""
    return Stage(name="a", command=f"make {module} {jobs} {dry}")


def test_parameters_have_types() -> None:
    """`NAME=VALUE` words become values of the parameters' types; a dash is an underscore."""
    assert parse_parameters(nightly, ["module=a=b", "jobs=8", "dry=yes"]) == {
        "module": "a=b",
        "jobs": 8,
        "dry": True,
    }
    assert parse_parameters(Pipeline("p", Stage(name="a", command="x")), []) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "pipeline nightly needs --param module=..."),
        (["module"], "--param takes NAME=VALUE, not 'module'"),
        (
            ["module=x", "job=3"],
            "pipeline nightly has no parameter 'job'; did you mean jobs?",
        ),
        (["zzz=3"], "pipeline nightly has no parameter 'zzz'; it has module, jobs, dry"),
        (
            ["jobs=eight", "dry=perhaps"],
            """\
parameter 'jobs' takes a whole number, not 'eight'
parameter 'dry' takes true or false, not 'perhaps'""",
        ),
    ],
)
def test_parameters_that_do_not_fit(words: list[str], said: str) -> None:
    """Everything that is wrong with the words is said at once."""
    with pytest.raises(UsageError) as error:
        parse_parameters(nightly, words)
    assert str(error.value) == said
