"""The pipeline of `buildorch demo`: shaped like a team's, small enough for any machine.

An image and a host build side by side, then tests. Each command is a real child process under
the same supervisor that runs three-hour builds on servers; they print what bitbake, CMake and
pytest print, so that the board has something to read, and write no files.
"""

from __future__ import annotations

from buildorch.definitions import Pipeline
from buildorch.flow import Stage, parallel

_IMAGE = """
echo 'NOTE: Executing Tasks'
i=0
while [ $i -lt 40 ]; do
    i=$((i + 1))
    echo "NOTE: Running task $i of 40 (/demo/meta/recipes/linux-demo.bb:do_compile)"
    [ $i -ne 17 ] || echo 'WARNING: linux-demo-1.0-r0 do_package_qa: QA Issue: already stripped'
    sleep 0.2
done
echo 'NOTE: Tasks Summary: Attempted 40 tasks of which 0 did not need to be rerun.'
"""

_HOST = """
i=0
while [ $i -lt 20 ]; do
    i=$((i + 1))
    printf '[%3d%%] Building CXX object demo/CMakeFiles/demo.dir/part_%02d.cpp.o\\n' $((5 * i)) $i
    sleep 0.15
done
echo '[100%] Built target demo'
"""

_TEST = """
echo '============================= test session starts =============================='
echo 'collected 12 items'
echo
i=0
while [ $i -lt 12 ]; do
    i=$((i + 1))
    printf 'test_demo.py::test_case_%02d PASSED          [%3d%%]\\n' $i $((100 * i / 12))
    sleep 0.2
done
echo '============================== 12 passed in 2.40s =============================='
"""


def demo_pipeline() -> Pipeline:
    """Return the pipeline; it runs on this machine."""
    image = Stage(name="yocto-image", command=_IMAGE, timeout=120.0)
    host = Stage(name="host-build", command=_HOST, timeout=120.0)
    test = Stage(name="integration-test", command=_TEST, timeout=120.0)
    return Pipeline("demo", parallel(image, host >> test))
