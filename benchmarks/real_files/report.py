"""Turning every file of the suite as a user would, and the table of what came of it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from benchmarks.real_files import score_checks
from benchmarks.real_files.checks import Comparison, compare
from benchmarks.real_files.commands import Outcome, Terminal
from benchmarks.real_files.suite import Recipe
from benchmarks.real_files.truth import RealFile, SkippedError

MOST_MESSAGES = 2
COUNTS = re.compile(r"(\d+) by model.*?, (\d+) by rule")
"""In the last line that turn prints."""


@frozen
class Clips:
    """
    How the clips of a melody were turned.

    Attributes:
        by_model: By the model, shifted by octaves or not.
        by_rule: By rule.
        in_style: So many are inside the model's style: at amount 0, where nothing leaves its range, it turns these.
    """

    by_model: int = 0
    by_rule: int = 0
    in_style: int = 0


@frozen
class Verdict:
    """
    What became of a file.

    Attributes:
        name: Of the file.
        kind: A few words.
        group: Of the recipe.
        meter: Of the music.
        messages: How many messages were followed until it was turned; None = it was not.
        reason: What the last message said, or why it was skipped.
        commands: What was typed.
        turned: The output of pitch +3 beside the file.
        still: The output of pitch 0 beside the file.
        clips: How its clips were turned.
        seconds: Of the command that worked.
        skipped: Whether the file cannot be made here.
        melody: Whether it has a melody that could be turned.
    """

    name: str
    kind: str
    group: str
    meter: str
    messages: int | None = None
    reason: str = ""
    commands: tuple[str, ...] = ()
    turned: Comparison | None = None
    still: Comparison | None = None
    clips: Clips = Clips()
    seconds: float = 0.0
    skipped: bool = False
    melody: bool = True


Follow = Callable[[RealFile, Outcome], tuple[str, ...] | str]
"""The command that a message names, or why there is none."""


def advised(_file: RealFile, outcome: Outcome) -> tuple[str, ...] | str:
    """The one complete command in a message."""
    commands = outcome.advised()
    return commands[0] if len(commands) == 1 else f"{len(commands)} commands in the message"


def judge(recipe: Recipe, folder: Path, terminal: Terminal, follow: Follow = advised) -> Verdict:
    """Make a file in a folder, turn it by +3 and by 0, and look at what came back."""
    about: dict[str, Any] = {"name": recipe.name, "kind": recipe.kind, "group": recipe.group, "meter": recipe.meter}
    try:
        file = recipe.make(recipe.name)
    except SkippedError as error:
        return Verdict(**about, reason=str(error), skipped=True)
    about["melody"] = file.melody is not None
    (folder / file.name).write_bytes(file.data)
    suffix = Path(file.name).suffix if file.name.endswith(score_checks.SUFFIXES) else ".mid"
    output = f"{file.name}.up{suffix}"
    (folder / output).unlink(missing_ok=True)
    words: tuple[str, ...] = ("turn", file.name, "--knob", "pitch=+3", "-o", output)
    commands: list[str] = []
    for messages in range(MOST_MESSAGES + 1):
        outcome = terminal.run(words, folder)
        commands.append(outcome.text)
        if outcome.code == 0:
            break
        wrong = _fault(outcome, folder / output)
        following = follow(file, outcome)
        if wrong or isinstance(following, str) or messages == MOST_MESSAGES:
            reason = wrong or outcome.reason + (f" [{following}]" if isinstance(following, str) else "")
            return Verdict(**about, reason=reason, commands=tuple(commands), seconds=outcome.seconds)
        words = following
    done: dict[str, Any] = {"messages": messages, "commands": tuple(commands), "seconds": outcome.seconds}
    if not (folder / output).is_file():
        return Verdict(**about, **done | {"messages": None}, reason="exit code 0 and no file")
    if file.melody is None:
        return Verdict(**about, **done, reason="there was no melody to turn")
    still = f"{file.name}.still{suffix}"
    (folder / still).unlink(missing_ok=True)
    again = terminal.run(
        [*({"pitch=+3": "pitch=0", output: still}.get(word, word) for word in words), "--json"], folder
    )
    done["clips"] = _clips(outcome, again)
    try:
        turned = compare(file, folder / output, 3)
        same = compare(file, folder / still, 0) if again.code == 0 else None
    except ValueError as error:
        return Verdict(**about, **done, reason=str(error))
    reason = "" if again.code == 0 else f"pitch 0: exit code {again.code}, {again.reason}"
    return Verdict(**about, **done, reason=reason, turned=turned, still=same)


def _fault(outcome: Outcome, output: Path) -> str:
    """What must never happen when a command refuses."""
    if "Traceback" in outcome.err:
        return f"TRACEBACK: {outcome.err.strip().splitlines()[-1]}"
    if outcome.code not in (1, 2):
        return f"exit code {outcome.code}"
    return f"exit code {outcome.code} and {output.name} was written" if output.exists() else ""


def _clips(turned: Outcome, still: Outcome) -> Clips:
    counts = COUNTS.search(turned.err.splitlines()[-1])
    if counts is None or still.code:
        return Clips()
    return Clips(int(counts[1]), int(counts[2]), json.loads(still.out)["counts"]["by_model"])


def _share(count: int, of: int) -> str:
    return f"{count} of {of}" + (f" ({count / of:.1%})" if of else "")


def summary(verdicts: Sequence[Verdict]) -> list[tuple[str, int, int, float | None]]:
    """Rows of the table: what, how many, of how many, at least which share."""
    files = [v for v in verdicts if not v.skipped]
    turned = [v for v in files if v.messages is not None and v.turned is not None]
    compared = [v for v in turned if not v.name.endswith(".abc")]
    other_meters = [v for v in files if v.meter not in ("4/4", "2/4")]
    still = [v for v in compared if v.still is not None]
    model, rule, in_style = (
        sum(getattr(v.clips, name) for v in turned) for name in ("by_model", "by_rule", "in_style")
    )

    right = sum(v.turned.melody_right for v in turned if v.turned)

    def within(messages: int, of: Iterable[Verdict]) -> int:
        return sum(v.messages is not None and v.messages <= messages for v in of)

    return [
        ("turned by the first command", within(0, files), len(files), 0.88),
        ("turned after one message", within(1, files), len(files), 0.92),
        ("turned after two", within(2, files), len(files), None),
        ("not at all", sum(v.messages is None for v in files), len(files), None),
        ("time signatures other than 4/4 and 2/4 turned", within(1, other_meters), len(other_meters), None),
        ("all melody notes right at pitch +3", right, len(turned), 0.95),
        ("whole file back, but for the melody", sum(v.turned.whole for v in compared if v.turned), len(compared), 1.0),
        ("pitch 0: every other event equal", sum(v.still.whole for v in still if v.still), len(compared), 1.0),
        ("pitch 0: the melody equal too", sum(v.still.equal for v in still if v.still), len(compared), None),
        ("clips inside the style turned by the model", min(model, in_style), in_style, 0.85),
        ("of all clips, by rule", rule, model + rule, None),
    ]  # fmt: skip


def text(verdicts: Sequence[Verdict]) -> str:
    """The table, then every file that was not turned or not as it should be, and why."""
    lines = []
    for what, count, of, least in summary(verdicts):
        bar = "" if least is None else f"at least {least:.0%}: {'met' if of and count / of >= least else 'NOT MET'}"
        lines.append(f"{what:48}{_share(count, of):24}{bar}".rstrip())
    lines += ["", *(f"{group}: {line}" for group, line in _groups(verdicts).items()), ""]
    for v in verdicts:
        notes = []
        if v.skipped:
            notes.append(f"skipped: {v.reason}")
        elif v.messages is None:
            notes.append(f"not turned: {v.reason}")
        elif v.reason:
            notes.append(v.reason)
        if v.turned is not None and not v.turned.melody_right:
            notes.append(f"melody: {v.turned.right:.1%} right, {v.turned.extra:.1%} extra")
        for which, comparison in (("", v.turned), ("at pitch 0: ", v.still)):
            if comparison is not None:
                notes += [f"{which}{one}" for one in comparison.differences[:3]]
        if v.messages:
            notes.append(f"turned by: {v.commands[-1]}")
        if notes:
            lines.append(f"{v.name} ({v.kind})")
            lines += [f"    {note}" for note in notes]
    return "\n".join(lines)


def line(verdict: Verdict) -> str:
    """A verdict in a few words, while others are waited for."""
    if verdict.messages is None:
        return f"{verdict.name}: {'skipped' if verdict.skipped else 'NOT TURNED'}: {verdict.reason}"
    faults = [one for each in (verdict.turned, verdict.still) if each for one in each.differences]
    if verdict.turned and not verdict.turned.melody_right:
        faults.insert(0, f"{verdict.turned.right:.1%} of the melody right, {verdict.turned.extra:.1%} extra")
    how = f"{verdict.messages} messages, {verdict.seconds:.1f} s"
    return f"{verdict.name}: {how} {verdict.reason} {'; '.join(faults)}".strip()


def _groups(verdicts: Sequence[Verdict]) -> dict[str, str]:
    out = {}
    for group in dict.fromkeys(v.group for v in verdicts):
        own = [v for v in verdicts if v.group == group and not v.skipped]
        how = Counter(
            "not" if v.messages is None else ("first command", "one message", "two messages")[v.messages] for v in own
        )
        right = sum(v.turned.melody_right for v in own if v.turned)
        out[group] = (
            f"{len(own)} files, "
            + ", ".join(f"{n} {what}" for what, n in sorted(how.items()))
            + f"; melody right in {right}"
        )
    return out


def as_json(verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The table and every file's verdict."""
    rows = [{"what": what, "count": count, "of": of, "least": least} for what, count, of, least in summary(verdicts)]
    return {"table": rows, "files": [asdict(verdict) for verdict in verdicts]}
