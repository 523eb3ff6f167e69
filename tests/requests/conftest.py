"""Somebody at a shell, with servers of several build types on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.user import User

CONFIG = r"""
servers:
  yocto-builder: {backend: local, alias: yocto, workdir: BED, build_type: image}
  host-builder: {backend: local, alias: host, workdir: BED, build_type: build.py}
  test-runner: {backend: local, alias: test, workdir: BED, build_type: pytest}
  plain: {backend: local}
build_types:
  image:
    verbs:
      build: "for i in 1 2; do echo step $i of 4; done; echo image {target}"
      nap: "echo napping; sleep 600"
      fail: exit 7
    targets: [linux-s32, linux-x]
    progress: 'step (?P<done>\d+) of (?P<total>\d+)'
    stop: echo stopped by the hook
"""


@pytest.fixture(name="user")
def _user(tmp_path: Path) -> Iterator[User]:
    user = User.at(tmp_path)
    bed = tmp_path / "bed"
    bed.mkdir()
    (bed / "build.py").write_text('#!/bin/sh\nprintf "[%s]\\n" "$@"\n', encoding="utf-8")
    (bed / "build.py").chmod(0o755)
    (bed / "test_bed.py").write_text("def test_bed(): pass\n", encoding="utf-8")
    user.write("buildorch.yaml", CONFIG.replace("BED", str(bed)))
    yield user
    user.leave()
