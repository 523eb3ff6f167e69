"""The command `report`, its twin in Python, and the report in an archive."""

from __future__ import annotations

import hashlib
import stat
import tarfile
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs
import pytest
from cli.conftest import Here, _here, _user  # noqa: F401 - fixtures
from cli.user import User, until

from buildorch import api
from buildorch.dsl import Pipeline
from buildorch.errors import UsageError
from buildorch.flow import Stage
from buildorch.model import Archive
from buildorch.runner.archive import Archive as Archiving
from buildorch.scheduler import facts
from report.example import options


@pytest.fixture(name="ran")
def _ran(user: User) -> str:
    """Give the id of a run of one stage that failed."""
    stage = Stage(name="build", command="echo 'a.c:1:1: error: no'; exit 1")
    given = attrs.evolve(
        options(user.folder),
        home=user.environ["BUILDORCH_HOME"],
        results=user.folder / "results",
    )
    return api.run(Pipeline("one", stage), given).run_id


def test_where_it_is_written(user: User, here: Here, ran: str) -> None:
    """Into the results folder unless said otherwise; each file is told, and only ours to read."""
    results = user.folder / "results" / ran
    expected = [str(results / f"report.{kind}") for kind in ("html", "xml", "md")]
    for words in (("report",), ("report", ran[:17])):
        shown = here(*words)
        assert (0, "") == (shown.code, shown.err)
        assert expected == shown.out.splitlines()
    for name in expected:
        assert 0o600 == stat.S_IMODE(Path(name).stat().st_mode)
    elsewhere = here("report", "--out", "day.html")
    assert [str(user.folder / f"day.{kind}") for kind in ("html", "xml", "md")] == (
        elsewhere.out.splitlines()
    )
    assert ["report.html", "report.md", "report.xml"] == sorted(
        one.name for one in results.iterdir() if one.is_file()
    )


def test_one_form_on_stdout(user: User, here: Here, ran: str) -> None:
    """For a job summary or a test report: nothing is written beside."""
    assert ran
    assert here("report", "--form", "markdown").out.startswith("### ❌ one\n")
    junit = here("report", "--form", "junit").out
    assert "testsuites" == ET.fromstring(junit).tag  # noqa: S314 - our own text
    assert here("report", "--form", "html").out.startswith("<!DOCTYPE html>")
    assert not list(user.folder.glob("**/report.*"))


MISTAKES = [
    (("report", "--form", "pdf"), "--form: unknown form 'pdf'; known: html, junit, markdown"),
    (("report", "--form", "junit", "--out", "x"), "leave out --out, --open and --live, or --form"),
    (("report", "nothing"), "no run is called"),
    (("report", "--out", "no/such/folder/x.html"), "name another place with --out FILE"),
]


@pytest.mark.parametrize(("words", "said"), MISTAKES)
def test_mistakes(here: Here, ran: str, words: tuple[str, ...], said: str) -> None:
    """Each is told with what to do, and ends with 2."""
    assert ran
    shown = here(*words)
    assert (2, "") == (shown.code, shown.out)
    assert said in shown.err


def test_a_link_in_its_place_is_replaced(user: User, here: Here, ran: str) -> None:
    """Nothing is written through a link, and a folder of that name is an error that says so."""
    results = user.folder / "results" / ran
    canary = user.folder / "canary"
    canary.write_text("alive")
    (results / "report.html").symlink_to(canary)
    assert 0 == here("report").code
    assert "alive" == canary.read_text()
    assert not (results / "report.html").is_symlink()
    (results / "report.html").unlink()
    (results / "report.html").mkdir()
    assert "cannot be written" in here("report").err
    assert not list(results.glob(".*"))


def test_the_call(tmp_path: Path) -> None:
    """Python gets the paths."""
    given = options(tmp_path)
    api.run(Pipeline("p", Stage(name="a", command="true")), given)
    written = api.report(options=given)
    assert written.html.read_text().startswith("<!DOCTYPE html>")
    with pytest.raises(UsageError, match="cannot be written"):
        api.report("last", tmp_path / "none" / "x.html", given)


def test_an_archive_has_the_report(tmp_path: Path) -> None:
    """It tells of the end that the run has, and stands in the manifest."""
    pipeline = Pipeline("p", Stage(name="a", command="echo there"), on_success=[Archive()])
    result = api.run(pipeline, options(tmp_path))
    name = Path(result.results).name
    with tarfile.open(f"{result.results}.tar.gz") as archive:
        page = archive.extractfile(f"{name}/report.html")
        manifest = archive.extractfile(f"{name}/MANIFEST.sha256")
        assert page is not None
        assert manifest is not None
        text = page.read()
        lines = manifest.read().decode().splitlines()
    assert b"Succeeded in " in text
    assert f"{hashlib.sha256(text).hexdigest()}  report.html" in lines
    assert {"report.xml", "report.md"} <= {line.split("  ")[1] for line in lines}


def test_an_archive_is_made_without_a_report(tmp_path: Path) -> None:
    """What hinders the report is told in the archive, and costs nobody the results."""
    results = tmp_path / "run"
    results.mkdir()
    (results / "log").write_text("there")

    def broken() -> None:
        raise ValueError("no luck")

    heard: list[facts.Fact] = []
    Archiving(results, broken)._run(heard.append)
    (fact,) = heard
    assert isinstance(fact, facts.Archived)
    assert fact.error is None
    with tarfile.open(fact.path) as archive:
        told = archive.extractfile("run/report.error")
        assert told is not None
        assert b"the report could not be written: no luck\n" == told.read()


def test_a_live_page(user: User) -> None:
    """It reads itself again while the run goes on, and no more once that has ended."""
    go = user.folder / "go"
    user.stages("slow", slow=f"echo on; while [ ! -e {go} ]; do sleep 0.1; done")
    running = user.start("run", "slow.yaml", "-q")
    until(user.log_has("slow", "on"))
    page = user.folder / "live.html"
    following = user.start("report", "--live", "--out", str(page))
    until(page.exists)
    assert 'http-equiv="refresh"' in page.read_text()
    go.touch()
    assert (0, 0) == (user.ends(running).code, user.ends(following).code)
    assert 'http-equiv="refresh"' not in page.read_text()
    assert "succeeded" in page.read_text()
