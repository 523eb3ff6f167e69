"""Laws of the page in a browser: it looks right, in light and dark, on paper, without scripts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from buildorch.report import write_report
from report.browser import Browser
from report.example import Example, compiler_log
from report.png import brightness

#: Elements that stick out of the page to the right, unless they are scrolled by themselves.
_STICK_OUT = """
[...document.querySelectorAll('body *')].filter(one =>
  one.getBoundingClientRect().right > document.documentElement.clientWidth + 1
  && !one.closest('.scroll, .lines, .pane, .command')).map(one => one.outerHTML.slice(0, 200))
"""

#: Texts that are cut off, or lie on each other in the timeline.
_CUT = """
[...document.querySelectorAll('.figures span, .headline, summary .name, .outcome, th')]
  .filter(one => one.scrollWidth > one.clientWidth + 1)
  .filter(one => getComputedStyle(one).overflow !== 'visible')
  .map(one => one.outerHTML)
"""


@pytest.fixture(scope="module", name="pages")
def _pages(example: Example) -> dict[str, Path]:
    """Give the pages of the good and the bad run."""
    return {
        name: write_report(example.report(result)).html
        for name, result in (("good", example.good), ("bad", example.bad))
    }


@pytest.mark.parametrize("width", [390, 800, 1280, 1920])
@pytest.mark.parametrize("name", ["good", "bad"])
def test_nothing_sticks_out(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    """At any width, with everything open, the page is no wider than its window."""
    browser.look(width=width)
    browser.open(pages[name])
    browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
    browser.until("[...document.querySelectorAll('.viewer')].every(one => one.dataset.shown)")
    assert [] == browser.run(_STICK_OUT)
    assert [] == browser.run(_CUT)
    assert width == browser.run("document.documentElement.scrollWidth")


def test_light_and_dark(browser: Browser, pages: dict[str, Path]) -> None:
    """Each has its colours, and every text stands out from what is behind it."""
    seen = {}
    for dark in (False, True):
        browser.look(dark=dark, width=640, height=400)
        browser.open(pages["bad"])
        seen[dark] = brightness(browser.picture())
        assert 4.4 < browser.run(_CONTRAST)["worst"], browser.run(_CONTRAST)
    assert seen[False] > 200
    assert seen[True] < 70


def test_nothing_is_fetched_and_nothing_complains(browser: Browser, pages: dict[str, Path]) -> None:
    """A hostile log runs no script, fetches nothing, and the console stays empty."""
    del browser.trouble[:], browser.fetched[:]
    browser.look()
    for page in pages.values():
        browser.open(page)
        browser.run("document.querySelectorAll('details').forEach(one => one.open = true)")
        browser.until("document.querySelectorAll('.row').length")
        assert "owned" not in browser.run("document.title")
    assert [page.as_uri() for page in pages.values()] == browser.fetched
    assert [] == browser.trouble


def test_a_stage_is_opened_by_its_link(browser: Browser, pages: dict[str, Path]) -> None:
    """Graph and timeline lead to what is told of a stage."""
    browser.look()
    browser.open(pages["good"])
    assert not browser.run("document.getElementById('stage-2').open")
    browser.run(
        "document.querySelector('.node[href=\"#stage-2\"]').dispatchEvent("
        "new MouseEvent('click', {bubbles: true, cancelable: true}))"
    )
    browser.until("document.getElementById('stage-2').open")


def test_without_scripts(browser: Browser, pages: dict[str, Path]) -> None:
    """All is told but the middle of long logs: stages open, small logs are there in full."""
    browser.look()
    browser.open(pages["bad"], script=False)
    shown = browser.call("DOM.getDocument", depth=-1)
    assert shown
    html = browser.call("DOM.getOuterHTML", nodeId=shown["root"]["nodeId"])["outerHTML"]
    assert "data-shown" not in html
    assert "CMake error in container-manager" in html
    assert "Built target cm" in html


def test_on_paper(browser: Browser, pages: dict[str, Path]) -> None:
    """It prints on a few sheets, in light colours whatever the screen has, all stages told."""
    browser.look(dark=True)
    browser.open(pages["good"])
    paper = browser.paper()
    assert paper.startswith(b"%PDF")
    assert 1 <= paper.count(b"/Type /Page\n") + paper.count(b"/Type /Page ") <= 8
    assert 0 == browser.run("document.querySelectorAll('.stage[open]').length")


@pytest.fixture(scope="module", name="large")
def _large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the page of a run whose log has 50 MB."""
    example = Example.made(tmp_path_factory.mktemp("large"))
    log = Path(example.bad.results, "unit-tests", "attempt-1.log")
    compiler_log(log, 50_000_000)
    assert log.stat().st_size > 49_000_000
    return write_report(example.report(example.bad)).html


def test_a_log_of_50_mb_opens(browser: Browser, large: Path) -> None:
    """The page is there at once, the log as well: at its first error, searched in seconds."""
    browser.look()
    assert browser.open(large) < 10
    viewer = "document.querySelector('#stage-4 .viewer')"
    browser.run(f"{viewer}.closest('details').open = true")
    browser.until(f"{viewer}.querySelector('.row.error')?.textContent.includes('needle_')")
    rows = browser.run(f"{viewer}.querySelectorAll('.row').length")
    assert 20 < rows < 80

    began = time.monotonic()
    browser.run(
        f"(() => {{ const field = {viewer}.querySelector('input'); field.value = 'needle_';"
        "field.dispatchEvent(new Event('input')); })()"
    )
    told = f"{viewer}.querySelector('output').textContent"
    browser.until(f"{told} === '1 of 2 lines'")
    assert time.monotonic() - began < 20
    browser.run(f"{viewer}.querySelector('[title^=\"Next match\"]').click()")
    browser.until(f"{told} === '2 of 2 lines'")
    browser.until(f"{viewer}.querySelector('.row.now mark')?.textContent === 'needle_'")

    last = browser.run("document.querySelectorAll('script[data-piece=s4a1]').length")
    assert last > 50
    browser.run(
        f"[...{viewer}.querySelectorAll('button')].find(b => b.textContent === 'End').click()"
    )
    total = browser.run(
        "[...document.querySelectorAll('script[data-piece=s4a1]')]"
        ".reduce((sum, one) => sum + Number(one.dataset.lines), 0)"
    )
    browser.until(f"[...{viewer}.querySelectorAll('.n')].at(-1)?.textContent === '{total}'")
    browser.until(f"[...{viewer}.querySelectorAll('.row')].at(-1).textContent.includes('g++')")


#: The lowest contrast of a text with the nearest background behind it, as WCAG counts it.
_CONTRAST = """
(() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const behind = one => {
    for (; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const found = { worst: 99, where: '' };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode()); ) {
    const one = node.parentElement;
    const box = one.getBoundingClientRect();
    const colour = numbers(getComputedStyle(one).color);
    if (!node.data.trim() || !box.width || colour[3] === 0) continue;
    if (one.closest('script, svg, .inside, .mark')) continue;
    const [a, b] = [light(colour), light(behind(one))].sort((x, y) => y - x);
    const contrast = (a + .05) / (b + .05);
    if (contrast >= found.worst) continue;
    Object.assign(found, { worst: contrast, where: one.outerHTML.slice(0, 160) });
  }
  return found;
})()
"""
