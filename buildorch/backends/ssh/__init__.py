"""SSH: the only user of fabric and paramiko. See `backend` for how the parts fit together."""

from __future__ import annotations

from buildorch.backends.ssh.backend import SshBackend

__all__ = ["SshBackend"]
