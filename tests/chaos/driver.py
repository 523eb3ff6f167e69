"""Lives a story: drives the real command line, lets the faults come, and gathers the evidence."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping

import attrs
from acceptance.laptop import Command, Laptop
from hosts.commands import BedError

from buildorch.errors import BuildorchError
from buildorch.events import Recorded, RunFinished
from buildorch.settings import Options, history
from chaos.chat import Chat
from chaos.evidence import Evidence, Hit
from chaos.faults import KINDS, LASTING, Fault, Proof
from chaos.gathering import gather
from chaos.phases import active_servers, phase_of, server_of
from chaos.place import Place
from chaos.story import FaultStory, Story

#: Seconds that a run may take after the last fault is mended.
PATIENCE = 90.0


@attrs.define
class Pending:
    """A fault that has begun."""

    fault: FaultStory
    work: Fault
    begun: float
    due: float
    phase: str


def target(fault: FaultStory) -> str:
    """Return what no other lasting fault may touch meanwhile."""
    return fault.host or ("chat" if fault.kind == "chat down" else "controller")


class Driver:
    """Lives one story.

    Args:
        story: The story.
        laptop: Where commands are started.
        places: The hosts by name.
        chat: Where messages arrive.
    """

    def __init__(
        self, story: Story, laptop: Laptop, places: Mapping[str, Place], chat: Chat
    ) -> None:
        self.story = story
        self.laptop = laptop
        self.places = places
        self.chat = chat
        self.evidence = Evidence(story=story)
        self.records: list[Recorded] = []
        self._run = ""
        self._begun = time.time()
        self._quiet_since = time.monotonic()
        self._waiting = list(story.faults)
        self._pending: list[Pending] = []
        self._command = self._start()
        self._driven = True

    # What faults reach.

    def place(self, name: str) -> Place:
        """Return a host of the story."""
        return self.places[name]

    def end_controller(self, number: signal.Signals) -> int | None:
        """End the controller by a signal; return its exit code, None where none lives."""
        if self._command.process.poll() is not None:
            return None
        self._driven = False
        self._command.signal(number)
        try:
            code = self._command.wait(40).code
        except AssertionError:
            self._note_odd(f"the controller did not leave within 40 s of {number.name}")
            self._command.signal(signal.SIGKILL)
            code = self._command.wait().code
        allowed = {-number, 75} if number is signal.SIGTERM else {-number}
        if code not in allowed | {0, 1, 3, 130}:
            self._note_odd(f"exit code {code} after {number.name}: {self._command.said.err}")
        return code

    def resume(self) -> None:
        """Start a controller for the run, where it has not ended."""
        self._driven = True
        self._look()
        if not self.finished and self._command.process.poll() is not None:
            self._command = self._start()

    def second_controller(self) -> str | None:
        """Start one more controller; return how it was refused, None where none lives."""
        self._look()
        first = self._command
        if not self._run or self.finished or first.process.poll() is not None:
            return None
        second = self.laptop.start("resume", self._run, "--json")
        while second.process.poll() is None and first.process.poll() is None:
            time.sleep(0.02)
        if first.process.poll() is not None:
            self._command = second
            return None
        code = second.wait().code
        if code != 2:
            self._note_odd(f"a second controller ended with {code}: {second.said.err}")
        return f"exit code {code}"

    def cancel(self, *, by_signal: bool) -> bool:
        """Cancel the run; returns whether somebody was there to be told."""
        self._look()
        if not self._run or self.finished or self._command.process.poll() is not None:
            return False
        if by_signal:
            self._command.signal(signal.SIGINT)
        else:
            self.laptop.start("cancel", self._run)
        return True

    # The story.

    def live(self) -> Evidence:
        """Drive the run to its end under all faults, and return what is known of it."""
        try:
            while not self._over():
                self._step()
                time.sleep(0.02)
        finally:
            self._mend()
        self.evidence.seconds = time.time() - self._begun
        gather(self.evidence, self)
        return self.evidence

    @property
    def finished(self) -> bool:
        """Whether the run has ended, by what is stored."""
        return any(isinstance(record.event, RunFinished) for record in self.records)

    @property
    def run(self) -> str:
        """Id of the run, empty before it is known."""
        return self._run

    def _over(self) -> bool:
        ended = self._command.process.poll() is not None
        if ended and self.finished and not self._pending:
            self._check_code()
            return True
        if time.monotonic() - self._quiet_since > PATIENCE and not self._pending:
            self.evidence.stuck = self.laptop.run("status", self._run or "last").out
            return True
        return False

    def _check_code(self) -> None:
        code = self._command.said.code
        if code not in (0, 1, 2, 3, 75, 130, -9, -15):
            self._note_odd(f"exit code {code}: {self._command.said.err[-2000:]}")

    def _step(self) -> None:
        self._look()
        now = time.monotonic()
        for pending in [one for one in self._pending if one.due <= now]:
            self._go_on(pending)
        if not self.finished:
            for fault in [one for one in self._waiting if self._is_due(one)]:
                self._begin(fault)
        if self._driven and self._command.process.poll() is not None and not self.finished:
            self._look()
            if not self.finished:
                said = self._command.said
                self._note_odd(f"the controller ended by itself with {said.code}: {said.err}")
                self._command = self._start()

    def _look(self) -> None:
        """Read what is stored of the run."""
        try:
            with history(Options(home=self.laptop.state)) as (_, store):
                if not self._run:
                    rows = store.runs(1)
                    self._run = rows[0].run if rows else ""
                if self._run:
                    new = store.read(self._run, self.records[-1].seq if self.records else 0)
                    self.records.extend(new)
        except BuildorchError as error:
            if self._run:
                self._note_odd(f"the history cannot be read: {error}")
            return
        for record in new if self._run else ():
            self._note(f"event {record.seq} {_words(record)}", record.at)

    def _is_due(self, fault: FaultStory) -> bool:
        moments = [one.at for one in self.records if one.event.kind == fault.event]
        if not fault.event:
            moments = [self._begun] * fault.number
        if len(moments) < fault.number:
            return False
        due = time.time() >= moments[fault.number - 1] + fault.delay
        return due and not self._taken(self._aimed(fault))

    def _taken(self, fault: FaultStory) -> bool:
        """Tell whether another lasting fault has to be mended before."""
        lasting = [one.fault for one in self._pending if one.fault.kind in LASTING]
        return fault.kind in LASTING and any(target(one) == target(fault) for one in lasting)

    def _begin(self, given: FaultStory) -> None:
        self._waiting.remove(given)
        fault = self._aimed(given)
        phase = phase_of(self.records, fault.host, driven=self._command.process.poll() is None)
        self._note(f"FAULT {fault} [{phase}]")
        work = KINDS[fault.kind](self, fault)
        pending = Pending(fault, work, time.time(), time.monotonic(), phase)
        self._pending.append(pending)
        self._go_on(pending)

    def _aimed(self, fault: FaultStory) -> FaultStory:
        """Return the fault at the host of the stage whose event it follows, or of one that runs."""
        moments = [one.event for one in self.records if one.event.kind == fault.event]
        stage = getattr(moments[fault.number - 1], "stage", None) if moments else None
        host = fault.host
        if host and fault.kind != "host disk full":
            active = active_servers(self.records)
            own = server_of(self.records, stage) if stage else ""
            host = own or (host if host in active else [*active, host][0])
        # A small disk is in memory: a reboot would be another fault than the one that it is.
        kind = "cut" if fault.kind == "reboot" and host == self.story.small_disk else fault.kind
        return attrs.evolve(fault, kind=kind, host=host)

    def _go_on(self, pending: Pending) -> None:
        try:
            pending.due = time.monotonic() + next(pending.work)
        except (StopIteration, BedError) as stopped:
            # A host that another fault has switched off feels no further one.
            self._pending.remove(pending)
            self._mended(pending, getattr(stopped, "value", None))
        self._quiet_since = time.monotonic()

    def _mended(self, pending: Pending, proof: Proof | None) -> None:
        fault = pending.fault
        self._note(f"mended {fault.kind} {fault.host}: {proof.text if proof else 'no effect'}")
        if proof is not None:
            hit = Hit(
                kind=fault.kind,
                host=fault.host,
                begun=pending.begun,
                mended=time.time(),
                phase=pending.phase,
                proof=proof.text,
                jobs=proof.jobs,
            )
            self.evidence.hits.append(hit)

    def _mend(self) -> None:
        """End all faults, whatever happened."""
        for pending in self._pending:
            pending.work.close()
        for place in self.places.values():
            place.host.thaw()
            place.host.network.restore()

    def _start(self) -> Command:
        words = ("resume", self._run) if self._run else ("run", "chaos_pipeline.py")
        self._note(" ".join(words))
        return self.laptop.start(*words, "--json")

    def _note(self, text: str, at: float | None = None) -> None:
        seconds = (at or time.time()) - self._begun
        self.evidence.timeline.append(f"{seconds:7.3f} {text}")

    def _note_odd(self, text: str) -> None:
        self._note(f"ODD {text}")
        self.evidence.odd.append(text)


#: Fields of events that a timeline has no room for.
_LONG = {"plan", "text", "nonce", "params", "log_sha256", "results", "log", "digest", "boot_id"}


def _words(record: Recorded) -> str:
    fields = {
        name: value
        for name, value in attrs.asdict(record.event, recurse=False).items()
        if name not in _LONG and value not in (None, "", (), 0)
    }
    return f"{record.event.kind} " + " ".join(f"{name}={value}" for name, value in fields.items())
