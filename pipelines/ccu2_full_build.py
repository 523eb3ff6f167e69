"""Yocto image, host build and integration tests of CCU2, on three servers."""

from __future__ import annotations

import shlex

from buildorch import Archive, Flow, Notify, Retry, parallel, pipeline, stage


@stage(server="yocto-builder", workdir="/workspace/CCU_GEN2.0.manifest/mobis", timeout="3h")
def yocto_image() -> str:
    """Build the image with bitbake."""
    return "./build.py -ncpb -j 16 -p 16"


@stage(server="ccu2-builder", workdir="/workspace/ccu-2.0", timeout="30m")
def host_build(module: str = "container-manager") -> str:
    """Build one module for the host with CMake."""
    return f"./build.py --module {shlex.quote(module)}"


@stage(server="test-runner", workdir="/workspace/integration-tests", timeout="1h")
def integration_test() -> str:
    """Test the module on the rack."""
    return "pytest -v test_container.py"


@pipeline(
    name="ccu2-full-build",
    on_failure=[Notify("discord"), Retry(1)],
    on_success=[Notify("discord"), Archive()],
)
def full_build(module: str = "container-manager") -> Flow:
    """Image, host build and integration tests.

    Args:
        module: The module that is built for the host and tested.
    """
    return parallel(yocto_image, host_build(module=module) >> integration_test)
