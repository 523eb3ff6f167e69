"""Makes board.svg: runs a pipeline in tmux, and draws what the terminal shows.

    .venv/bin/python docs/images/board.py

Nothing in the picture is drawn by hand. The servers have the backend `local`, so that it can be
made on any machine that has tmux; what the commands print is what bitbake, CMake and ninja print.
The pipeline runs twice, since what is left of a stage is estimated from what it took before.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

HERE = Path(__file__).parent
COLUMNS, ROWS = 80, 24
LOOK = {"LC_ALL": "C.UTF-8", "LOGNAME": "dev", "TERM": "xterm-256color"}
RUN = [sys.executable, "-m", "buildorch", "run", "pipeline.yaml"]
PATIENCE = 60.0

CONFIG = """
servers:
  yocto-builder: {backend: local, workdir: FOLDER, state_dir: FOLDER/yocto-builder}
  ccu2-builder: {backend: local, workdir: FOLDER, state_dir: FOLDER/ccu2-builder}
  test-runner: {backend: local, workdir: FOLDER, state_dir: FOLDER/test-runner}
"""

PIPELINE = r"""
name: full-build
title: Full build of the CCU2
on_failure:
  - retry: 1
stages:
  - name: yocto-image
    server: yocto-builder
    command: |
      echo 'WARNING: linux-s32-5.15-r0 do_package_qa: QA Issue: already stripped'
      for n in $(seq 2600 4116); do
        echo "NOTE: Running task $n of 4116 (/poky/meta/linux-s32.bb:do_compile)"
        sleep 0.02
      done
  - name: host-build
    server: ccu2-builder
    command: |
      if mkdir first-attempt 2>/dev/null; then
        echo 'CMake Error at manager/CMakeLists.txt:41 (find_package):'
        echo '  Could not find a package configuration file provided by "SntCommon".'
        exit 1
      fi
      for n in $(seq 1 40); do
        echo "[$n/40] Building CXX object src/CMakeFiles/manager.dir/part_$n.cpp.o"
        sleep 0.1
      done
  - name: sdk
    server: ccu2-builder
    depends_on: host-build
    command: |
      for n in $(seq 1 400); do
        echo "[$n/400] Building CXX object sdk/CMakeFiles/snt.dir/frame_$n.cpp.o"
        sleep 0.1
      done
  - name: integration-test
    server: test-runner
    depends_on: [yocto-image, sdk]
    command: for n in 1 2 3 4 5 6; do echo "test_manager.py::test_$n PASSED"; sleep 1; done
"""

THEME = TerminalTheme(
    (30, 33, 43),
    (208, 213, 224),
    [
        (30, 33, 43),
        (240, 113, 120),
        (149, 209, 137),
        (229, 192, 123),
        (130, 170, 255),
        (199, 146, 234),
        (137, 221, 255),
        (208, 213, 224),
    ],
)

# As rich's own, without fonts from elsewhere: a picture should not need the network.
SVG = """\
<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace;
    font-size: {char_height}px;
    line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 16px; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    """Run the pipeline, and draw the board at its most telling moment."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "buildorch.yaml").write_text(CONFIG.replace("FOLDER", name), encoding="utf-8")
        (folder / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
        environment = {**os.environ, "BUILDORCH_HOME": f"{name}/home", **LOOK}
        subprocess.run([*RUN, "--quiet"], cwd=folder, env=environment, check=True)
        (folder / "first-attempt").rmdir()
        draw(photograph(folder, environment), HERE / "board.svg")


def photograph(folder: Path, environment: dict[str, str]) -> str:
    """Return the screen with its colours once a stage has recovered; then cancel the run."""
    tmux = ["tmux", "-L", f"board-{os.getpid()}", "-f", "/dev/null"]

    def terminal(*words: str) -> str:
        done = subprocess.run([*tmux, *words], env=environment, check=True, capture_output=True)
        return done.stdout.decode()

    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    terminal("new-session", "-d", "-s", "board", *size, "-c", str(folder), *RUN)
    try:
        deadline = time.monotonic() + PATIENCE
        while "frame_6" not in terminal("capture-pane", "-p", "-t", "board"):
            if time.monotonic() > deadline:
                raise SystemExit("the board did not show what the picture is to show")
            time.sleep(0.2)
        screen = terminal("capture-pane", "-p", "-e", "-t", "board")
        terminal("send-keys", "-t", "board", "C-c")
        time.sleep(3)  # for the commands to be gone
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
    return screen


def draw(screen: str, path: Path) -> None:
    """Write *screen* as a picture."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(
            width=COLUMNS, file=nowhere, record=True, force_terminal=True, color_system="truecolor"
        )
        console.print(Text.from_ansi(screen.rstrip()))
    text = console.export_svg(
        title="buildorch run pipeline.yaml",
        theme=THEME,
        code_format=SVG,
        unique_id="board",
    )
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
