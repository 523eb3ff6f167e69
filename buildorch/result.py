"""What a run comes to, for scripts and notebooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from buildorch.errors import RunFailed
from buildorch.model import RunStatus, StageStatus
from buildorch.view import RunView, StageView, exit_code, run_finished_line


@attrs.frozen(eq=False)
class RunResult:
    """A run that has ended, or that its controller has left.

    Attributes:
        view: Everything that is known of it.
    """

    view: RunView

    @property
    def run_id(self) -> str:
        """Its id: for `buildorch status`, `logs`, `resume`."""
        return self.view.run

    @property
    def status(self) -> RunStatus:
        """How it ended; `INTERRUPTED` where the controller left and jobs go on."""
        return self.view.status or RunStatus.INTERRUPTED

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.status is RunStatus.SUCCEEDED

    @property
    def exit_code(self) -> int:
        """The code that the command line ends with: 0, 1, 3, 75 (left) or 130 (cancelled)."""
        return exit_code(self.view)

    @property
    def results(self) -> str:
        """The absolute folder of logs and files."""
        return self.view.results

    @property
    def stages(self) -> Mapping[str, StageView]:
        """The stages by name."""
        return self.view.stages

    def as_dict(self) -> dict[str, Any]:
        """Return the same as the last line of `run --json`."""
        return run_finished_line(self.view)

    def check(self) -> RunResult:
        """Return this result, or raise where the run did not succeed.

        Raises:
            RunFailed: Says which stages failed, and why.
        """
        if self.ok:
            return self
        raise RunFailed(self._why(), self)

    def _why(self) -> str:
        fine = (None, StageStatus.SUCCEEDED, StageStatus.SKIPPED, StageStatus.UP_TO_DATE)
        bad = [stage for stage in self.stages.values() if stage.status not in fine]
        lines = [f"{stage.name} {stage.status}: {stage.reason or ''}".rstrip(": ") for stage in bad]
        return "\n".join(
            [
                f"run {self.run_id} {self.status}",
                *lines,
                f"see `buildorch logs {self.run_id} STAGE`; logs are in {self.results}",
            ]
        )

    def __repr__(self) -> str:
        """Return run id, status and the stages' statuses in one line."""
        stages = ", ".join(f"{name} {stage.state}" for name, stage in self.stages.items())
        return f"<RunResult {self.run_id} {self.status}: {stages}>"
