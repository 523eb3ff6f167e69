"""The targets that rows are made of; each is a pure function of what was measured."""

from __future__ import annotations

from bench.row import OURS, Medians, Target, Verdict

#: Two medians of one run that are this near are the same.
NO_SLOWER = 1.1


def all_of(*targets: Target) -> Target:
    """Return the target that is met where all of *targets* are."""

    def judge(medians: Medians) -> Verdict:
        verdicts = [target.judge(medians) for target in targets]
        return Verdict(
            all(verdict.met for verdict in verdicts), "; ".join(one.said for one in verdicts)
        )

    return Target("; ".join(target.text for target in targets), judge)


def none_lost(who: str = OURS) -> Target:
    """Every piece of work is done, in each run."""

    def judge(medians: Medians) -> Verdict:
        taken = medians[who]
        failed = f", {len(taken.errors)} runs failed" if taken.errors else ""
        return Verdict(not taken.lost and not taken.errors, f"{taken.lost} lost{failed}")

    return Target("none lost", judge)


def no_slower(
    than: str, factor: float = NO_SLOWER, figure: str = "each_ms", text: str = "no slower than"
) -> Target:
    """Our figure is at most *factor* times that of another; *text* says so in words."""

    def judge(medians: Medians) -> Verdict:
        ratio = medians[OURS].figure(figure) / medians[than].figure(figure)
        return Verdict(ratio <= factor, f"{ratio:.2f} of {than}")

    return Target(f"{text} {than}", judge)


def no_worse_than_best(factor: float = NO_SLOWER, figure: str = "each_ms") -> Target:
    """Our figure is at most *factor* times that of the best other that lost nothing."""

    def judge(medians: Medians) -> Verdict:
        whole = {
            name: taken.figure(figure)
            for name, taken in medians.items()
            if name != OURS and taken.samples and not taken.lost
        }
        if not whole:
            return Verdict(met=True, said="no other lost nothing")
        best = min(whole, key=whole.__getitem__)
        ratio = medians[OURS].figure(figure) / whole[best]
        return Verdict(ratio <= factor, f"{ratio:.2f} of {best}")

    return Target("no worse than the best that loses nothing", judge)


def faster(than: str, times: float, figure: str = "each_ms") -> Target:
    """Ours is at least *times* times faster than another."""

    def judge(medians: Medians) -> Verdict:
        ratio = medians[than].figure(figure) / medians[OURS].figure(figure)
        return Verdict(ratio >= times, f"{ratio:.1f} times faster than {than}")

    return Target(f"at least {times:g} times faster than {than}", judge)


def at_most(figure: str, limit: float, unit: str, who: str = OURS) -> Target:
    """A figure of ours, in *unit*, is at most *limit*."""

    def judge(medians: Medians) -> Verdict:
        value = medians[who].figure(figure)
        return Verdict(value <= limit, f"{value:.3g} {unit}")

    return Target(f"at most {limit:g} {unit}", judge)


def at_least(figure: str, limit: float, unit: str, who: str = OURS) -> Target:
    """A figure of ours, in *unit*, is at least *limit*."""

    def judge(medians: Medians) -> Verdict:
        values = medians[who].all_of(figure)
        value = medians[who].figure(figure) if values else 0.0
        return Verdict(value >= limit, f"{value:.3g} {unit}")

    return Target(f"at least {limit:g} {unit}", judge)
