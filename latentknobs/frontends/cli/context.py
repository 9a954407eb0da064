"""What all commands share: the running program, and how errors become exit codes."""

from __future__ import annotations

import functools
import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from attrs import define

from latentknobs.core.paths import LOCAL_PLUGINS, named_plugins_dir
from latentknobs.core.printable import printable
from latentknobs.errors import LatentKnobsError, MidiError, PluginError

if TYPE_CHECKING:
    from latentknobs.hooks.manager import Plugins
    from latentknobs.packs.adding import Places
    from latentknobs.scores.track_selection import Candidate
    from latentknobs.workbench import Workbench

INTERRUPTED = 128 + signal.SIGINT
"""Exit code after Ctrl-C, as shells have it."""

F = TypeVar("F", bound=Callable[..., Any])


def say(text: str) -> None:
    """Print one line for people on stderr."""
    typer.echo(printable(text), err=True)


def echo(text: str) -> None:
    """Print text for people on stdout."""
    typer.echo(printable(text))


@define(eq=False)
class Context:
    """
    The running program, every command's ``ctx.obj``.

    Attributes:
        plugins: The plugins, loaded before the arguments are read, since they bring commands.
        debug: Whether errors show where they come from.
        plugins_dir: The folder of local plugins that was named, None = what the environment says.
        words: The command line after the program's name.
    """

    plugins: Plugins
    debug: bool = False
    plugins_dir: Path | None = None
    words: tuple[str, ...] = ()

    @contextmanager
    def workbench(
        self,
        registry: str | None = None,
        device: str = "auto",
        precision: str = "",
        *,
        executor: str = "serial",
        workers: int | None = None,
    ) -> Iterator[Workbench]:
        """A workbench whose progress and notes go to stderr; closed at the end."""
        from latentknobs.frontends.cli.progress import Bars
        from latentknobs.workbench import Workbench

        with (
            Bars() as bars,
            Workbench.open(
                registry,
                device=device,
                precision=precision,
                executor=executor,
                workers=workers,
                progress=bars,
                note=bars.say,
                plugins=self.plugins,
            ) as workbench,
        ):
            yield workbench

    def places(self) -> Places:
        """Where the files of packs go."""
        from latentknobs.packs.adding import Places

        named = self.plugins_dir or named_plugins_dir()
        return Places(named or LOCAL_PLUGINS, trusting=named is None)


def program(ctx: typer.Context) -> Context:
    """The running program of a command."""
    out = ctx.obj
    assert isinstance(out, Context)
    return out


def debugging() -> bool:
    """Whether LATENTKNOBS_DEBUG asks for tracebacks."""
    return os.environ.get("LATENTKNOBS_DEBUG", "") not in ("", "0")


def code_of(error: BaseException, words: Sequence[str] = ()) -> int:
    """
    Print what went wrong as one line on stderr; the exit code that goes with it.

    Where a file can be read in another way, the command that does so follows, and the file's tracks.

    A latentknobs error has a sentence and a code of its own; an error of the operating system (a full
    disk, a folder that may not be written) is work that failed; Ctrl-C is 130. Anything else is a fault
    of the program and is raised again.
    """
    asks = _asks_for_a_track(error)
    if isinstance(error, LatentKnobsError) and not asks:
        say(f"Error: {error}")
    if isinstance(error, MidiError) and error.options and words:
        say("This takes the likeliest:" if asks else "This reads it:")
        say(f"  {shlex.join(['latentknobs', *with_options(words, error.options)])}")
    if isinstance(error, LatentKnobsError):
        return error.exit_code
    if isinstance(error, KeyboardInterrupt):
        say("Interrupted: what was not finished is not written.")
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader of stdout has gone (a pager was left): nothing more can be printed there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    if isinstance(error, OSError):
        place = f" ({error.filename})" if error.filename else ""
        say(f"Error: {error.strerror or error}{place}; nothing more was written.")
        return 1
    raise error


def _asks_for_a_track(error: BaseException) -> bool:
    """Whether it is the choice of a track, which is then told with all of them."""
    if not isinstance(error, MidiError):
        return False
    from latentknobs.scores.track_selection import TrackChoiceError  # music is not read where help is given

    if not isinstance(error, TrackChoiceError):
        return False
    say(f"Error: {error.question}")
    say(track_table(error.candidates, error.likely))
    return True


def with_options(words: Sequence[str], options: Sequence[str]) -> list[str]:
    """A command line with other options, each "--name" and what follows it, in the place of those of the name."""
    names = {word for word in options if word.startswith("--")}
    out: list[str] = []
    skip = False
    for word in words:
        if not skip and word.partition("=")[0] not in names:
            out.append(word)
        skip = not skip and word in names
    return [*out, *options]


def track_table(candidates: Sequence[Candidate], likely: int | None) -> str:
    """The tracks of a file, a line each."""
    from latentknobs.scores.track_selection import pitch_name

    rows = [("track", "name", "instrument", "notes", "range", "monophonic", "")]
    for one in candidates:
        pitches = f"{pitch_name(one.low)} to {pitch_name(one.high)}"
        mark = "<- most likely" if one.part.number == likely else ""
        number, notes = str(one.part.number), str(len(one.part.notes))
        rows.append((number, one.part.name[:40], one.kind, notes, pitches, f"{one.monophonic:.0%}", mark))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(f"  {line}".rstrip() for line in lines)


def guarded(command: F) -> F:
    """A command whose errors become one line and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        ctx = kwargs["ctx"]
        try:
            command(*args, **kwargs)
        except (LatentKnobsError, OSError, KeyboardInterrupt) as error:
            if program(ctx).debug:
                raise
            raise typer.Exit(code_of(error, program(ctx).words)) from None
        except (Exception, SystemExit, GeneratorExit) as error:
            from latentknobs.core.plugin_guard import plugin_sentence

            # A plugin's object may raise where nothing is called, as from a property.
            sentence = None if program(ctx).debug else plugin_sentence(error)
            if sentence is None:
                raise
            raise typer.Exit(code_of(PluginError(sentence))) from None

    return run  # type: ignore[return-value] # functools.wraps keeps the signature that typer reads
