"""The job folders: what lies where, who made it, and records that survive a full disk.

Everything that says how a job stands is in its folder, so that any later agent can tell:
a held lock on `alive` is a living supervisor, `exit` is the end, `id` names the processes.
"""

import errno
import fcntl
import os
import signal

from buildorch.remote.agent import kernel

#: With this signal a supervisor is told that there is an order for it in its job's folder.
ORDER = signal.SIGUSR1
#: Bytes that are reserved on the disk at launch for the record of the end.
RESERVED = 4096


class Refused(Exception):
    """The job is not launched: nothing ran and nothing will."""

    def __init__(self, reason: str, detail: str) -> None:
        Exception.__init__(self, reason, detail)
        self.reason = reason
        self.detail = detail


def refusal(error: OSError, path: str) -> Refused:
    """Return why a job cannot be launched when its folder cannot be written."""
    reason = "no_space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "state"
    return Refused(reason, path + ": " + (error.strerror or str(error)))


def write_file(path: str, data: bytes) -> None:
    """Write a new file of mode 0600."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, data)
    finally:
        os.close(fd)


def replace_file(path: str, data: bytes) -> None:
    """Write a file in one move: readers see the old one or all of the new one."""
    new = path + "." + str(os.getpid())
    write_file(new, data)
    os.rename(new, path)


def write_all(fd: int, data: bytes) -> None:
    """Write all of *data*."""
    while data:
        data = data[os.write(fd, data) :]


def record(fields: "list[tuple[str, str]]") -> bytes:
    """Return a record of `name value` lines that fits into the reserved bytes."""
    text = b""
    for name, value in fields:
        line = (name + " " + " ".join(value.split())).encode("utf-8", "surrogateescape") + b"\n"
        if len(text) + len(line) <= RESERVED - 4:
            text += line
    text += b"end\n"
    return text + b"\n" * (RESERVED - len(text))


def lost(reason: str, detail: str) -> bytes:
    """Return the record of a job whose end nobody knows."""
    return record([("kind", "lost"), ("code", "0"), ("reason", reason), ("detail", detail)])


class Folder:
    """One job's folder, and the second place that remembers it when the folder is removed."""

    def __init__(self, path: str, memory: str) -> None:
        self.path = path
        self.memory = memory

    def at(self, name: str) -> str:
        """Return the path of one of its files."""
        return os.path.join(self.path, name)

    def read(self, name: str) -> "bytes | None":
        """Return the content of one of its files, or None."""
        return kernel.read_file(self.at(name))

    def has(self, name: str) -> bool:
        """Return whether one of its files is there."""
        return os.path.exists(self.at(name))

    @property
    def there(self) -> bool:
        """Whether the folder is there."""
        return os.path.isdir(self.path)

    @property
    def whole(self) -> bool:
        """Whether nobody has begun to remove the folder."""
        return self.has("alive")

    @property
    def launched(self) -> bool:
        """Whether a launch is remembered, with the folder or without."""
        return os.path.exists(self.memory)

    def end(self) -> "bytes | None":
        """Return the record of the end, or None while there is none."""
        data = self.read("exit")
        return data if data and b"\nend\n" in data else None

    def remembered_end(self) -> "bytes | None":
        """Return the record of the end from the second place, for a folder that is gone."""
        data = kernel.read_file(self.memory)
        return data if data and data.startswith(b"kind ") else None

    def create(self, files: "dict[str, bytes]") -> int:
        """Make the folder with everything in it at once; return the descriptor of the held lock.

        Raises:
            FileExistsError: The job was launched before.
            OSError: The disk is full or cannot be written.
        """
        new = os.path.join(os.path.dirname(self.path), ".new-" + str(os.getpid()))
        draft = Folder(new, self.memory)
        draft.discard()
        os.mkdir(new, 0o700)
        try:
            lock = draft.fill(files)
        except BaseException:
            draft.discard()
            raise
        try:
            os.rename(new, self.path)
        except OSError as error:
            os.close(lock)
            draft.discard()
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise FileExistsError(self.path)
            raise
        return lock

    def fill(self, files: "dict[str, bytes]") -> int:
        """Write the files of a new folder and take its lock."""
        for name in files:
            write_file(self.at(name), files[name])
        lock = os.open(self.at("alive"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def renew(self, clock: bytes) -> None:
        """Renew the lease of its job, where that has one."""
        if not self.has("lease"):
            return
        try:
            replace_file(self.at("renewed"), clock)
        except OSError:
            return

    def discard(self) -> None:
        """Remove the folder; only for one in which nothing ran."""
        try:
            for name in os.listdir(self.path):
                os.unlink(self.at(name))
            os.rmdir(self.path)
        except OSError:
            return

    def drop_secrets(self) -> None:
        """Remove the environment, which nobody needs after the end."""
        try:
            os.unlink(self.at("env.sh"))
        except OSError:
            return

    def forget(self) -> None:
        """Remove every trace of a launch that was refused before anything ran."""
        self.discard()
        try:
            os.unlink(self.memory)
        except OSError:
            return

    def identify(self, fields: "list[tuple[str, str]]") -> None:
        """Write down whose processes the job's are, in both places."""
        text = record(fields)
        write_file(self.memory, text)
        replace_file(self.at("id"), text)

    def tell_waiting(self, fields: "list[tuple[str, str]] | None") -> None:
        """Let followers know what the job waits for: `kind`, `name` and more; None: it goes on.

        A `since` is in hundredths of a second since the boot.
        """
        try:
            if fields is None:
                os.unlink(self.at("waiting"))
            else:
                replace_file(self.at("waiting"), record(fields).rstrip(b"\n") + b"\n")
        except OSError:
            # It waits all the same, and says so when the disk takes it.
            return

    def give_back(self) -> bool:
        """Have the job keep no locks after its end; return False where that cannot be said."""
        try:
            write_file(self.at("release"), b"")
        except OSError:
            return False
        known = self.identity()
        words = known.get("supervisor", "0 0").split()
        if known.get("boot") == (kernel.boot_id() or "-"):
            kernel.send_signal(int(words[0]), int(words[1]), ORDER)
        return True

    def held(self) -> bool:
        """Return whether a supervisor lives."""
        lock = self.take(fcntl.LOCK_SH)
        if lock is None:
            return self.has("alive")
        os.close(lock)
        return False

    def take(self, kind: int = fcntl.LOCK_EX) -> "int | None":
        """Return a descriptor with the lock, or None where somebody holds it."""
        try:
            fd = os.open(self.at("alive"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(fd, kind | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            return None
        return fd

    def wait(self) -> "int | None":
        """Return a descriptor with the lock once it is free, or None where there is none."""
        try:
            fd = os.open(self.at("alive"), os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        fcntl.flock(fd, fcntl.LOCK_EX)
        return fd

    def finish(self, data: bytes) -> None:
        """Store the record of the end where it can be stored: also on a full disk."""
        for path, final in ((self.at("exit.new"), self.at("exit")), (self.memory, None)):
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    write_all(fd, data)
                finally:
                    os.close(fd)
                if final:
                    os.rename(path, final)
            except OSError:
                continue
        if self.there and not self.has("exit"):
            self._finish_anew(data)

    def _finish_anew(self, data: bytes) -> None:
        try:
            replace_file(self.at("exit"), data)
        except OSError:
            return

    def identity(self) -> "dict[str, str]":
        """Return what `id` says, or where the folder is gone what was remembered of it."""
        data = self.read("id") or kernel.read_file(self.memory) or b""
        lines = data.rstrip().decode("utf-8", "replace").split("\n")
        pairs = [line.split(" ", 1) for line in lines]
        return dict((pair[0], pair[1]) for pair in pairs if len(pair) == 2)  # noqa: PLR2004 - name, value
