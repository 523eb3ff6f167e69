"""Laws of the page and the files beside it: whatever a log or a name holds, they stay whole."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildorch.report import junit, markdown, page
from buildorch.report.element import element
from buildorch.report.markdown import escaped
from report.example import Example


class Reader(HTMLParser):
    """Collects the elements of a page, and checks that each is closed where it has to be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.tags.add(tag)
        given = dict(attrs)
        if tag == "script":
            self.scripts.append(given)
        for name in ("href", "src", "srcset", "action"):
            if given.get(name):
                self.links.append(str(given[name]))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that the innermost element is closed."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def read(text: str) -> Reader:
    """Return a page that was read to its end."""
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert not reader.open
    return reader


@pytest.fixture(scope="module", name="bad")
def _bad(example: Example) -> str:
    return "".join(page(example.report(example.bad)))


def test_a_page_is_whole_whatever_a_log_holds(bad: str) -> None:
    """Nothing that a log says becomes an element: one script is ours, the others are data."""
    found = read(bad)
    ours = [one for one in found.scripts if one.get("type") != "text/plain"]
    assert [{}] == ours
    assert not found.tags & {"img", "iframe", "link", "object"}
    assert "</script><script>document.title='owned'</script>" in found.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", bad)


def test_a_page_needs_no_network(bad: str) -> None:
    """It links to its own places only, and forbids all else, other scripts too."""
    found = read(bad)
    assert all(link.startswith("#") for link in found.links)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', bad)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")


def test_what_a_page_tells(bad: str, example: Example) -> None:
    """Outcome, first error, attempts, servers, checksums and the last good run are all there."""
    text = read(bad).text
    for told in (
        "CCU2 전체 빌드",
        "unit-tests failed on test-runner",
        "정적-분석",
        "한국어 로그: 빌드가 실패했습니다",
        "CMake error in container-manager",
        "CMakeLists.txt:41 find_package: SntCommon not found",
        "Attempt 2 · ccu2-builder · succeeded",
        "Not run because of it: integration-test",
        "core.wic",
        "Compared with the last good run",
        example.good.run_id,
        f"buildorch retry {example.bad.run_id}",
    ):
        assert told in text, told
    for artifact in example.bad.stages["yocto-image"].artifacts:
        assert artifact.sha256 in text
    notes = re.findall(
        r"(core\.wic|kept\.txt|new\.txt)\D*?\d+ B(?:[0-9a-f]{64})(changed|same|new)", text
    )
    assert {("core.wic", "changed"), ("kept.txt", "same"), ("new.txt", "new")} == set(notes)


def test_files_are_linked_from_the_results_folder_only(example: Example) -> None:
    """A page that lies elsewhere has no links that lead nowhere."""
    report = example.report(example.bad)
    home = Path(report.view.results)
    there = read("".join(page(report, home)))
    files = {link for link in there.links if not link.startswith("#")}
    assert "yocto-image/artifacts/out/core.wic" in files
    assert "%EC%A0%95%EC%A0%81-%EB%B6%84%EC%84%9D/attempt-1.log" in files


@given(st.text(), st.text())
def test_no_text_becomes_an_element(text: str, attribute: str) -> None:
    """Whatever stands in an element or an attribute stays text."""
    found = read(element("p", text, title=attribute))
    assert {"p"} == found.tags


def test_the_junit_file(example: Example) -> None:
    """A case for each stage: failed, skipped or passed, with the first error as the message."""
    root = ET.fromstring(junit(example.report(example.bad)))  # noqa: S314 - our own text
    suite = root.find("testsuite")
    assert suite is not None
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert ["6", "1", "0", "2"] == counts
    cases = {case.get("name"): case for case in suite.iter("testcase")}
    failed = cases["unit-tests"].find("failure")
    assert failed is not None
    assert "failed" == failed.get("type")
    assert "error: 'frob' was not declared" in str(failed.get("message"))
    allowed = cases["정적-분석"].find("skipped")
    assert allowed is not None
    assert "undeclared" in str(allowed.get("message"))
    assert cases["host-build"].find("failure") is None


def test_the_markdown_file(example: Example) -> None:
    """A headline, a row for each stage, the first error; nobody is mentioned by it."""
    text = markdown(example.report(example.bad))
    lines = text.splitlines()
    assert "### ❌ CCU2 전체 빌드" == lines[0]
    assert 6 == sum(line.startswith("| ") and "stage" not in line for line in lines)
    assert re.search(
        r"```text\nsrc/needle_\d+\.cpp:12:5: error: 'frob' was not declared\n```", text
    )
    good = markdown(example.report(example.good))
    assert good.startswith("### ✅")


@given(st.text())
def test_markdown_shows_any_text_as_it_is(text: str) -> None:
    """No cell breaks its table, and nothing in it is a tag, a link or a mention."""
    shown = escaped(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<>@\[`]", shown)
