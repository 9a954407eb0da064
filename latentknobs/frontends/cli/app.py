"""The command line's root: commands of our own and of plugins, and what becomes of errors."""

from __future__ import annotations

import builtins
import keyword
import logging
import os
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import ExitStack
from importlib import import_module
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from attrs import evolve, frozen

from latentknobs import __version__
from latentknobs.core.containment.process_end import results_apart
from latentknobs.errors import LatentKnobsError, PluginError, UsageError
from latentknobs.frontends.cli.command_specs import as_command
from latentknobs.frontends.cli.context import Context, code_of, debugging, guarded, say
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins

if TYPE_CHECKING:
    from latentknobs.core.frontend_specs import CommandSpec

COMMANDS = {
    "discover": "Find the knob of each augmentation on real music, evaluate it, and store it.",
    "disentangle": (
        "Find knobs without an edit: moves of the codes named by the attribute that they change, and evaluated."
    ),
    "sweep": "Find the knobs of every model, edit, corpus and seed of a file; what is stored is not made again.",
    "turn": "Turn knobs on a melody and show it before and after.",
    "interpolate": "Write the melodies between two melodies as MIDI files, and a picture of all of them.",
    "sample": "Write melodies drawn from the model's prior.",
    "similar": "Write variations of a melody: codes on the arc from its own to prior samples.",
    "report": "Write a self-contained report of a model and its knobs, with pictures as PNG and tables as CSV.",
    "add": "Add the knobs of a pack; code in it is shown, and neither copied nor run before a yes.",
    "serve": "Start a front end: the page in a browser (web), or one that a plugin brings; several share one session.",
    "try": (
        "Check an edit's file, trust it, run a quick discovery, and show the knob's card and a clip before and after."
    ),
    "bench": "Time a model's encode and decode here: speed, memory and exactness of each precision and batch.",
    "doctor": "Show versions, extras, folders, registry, plugins and threads, to include in a bug report.",
}
"""Each is a function of a module of its own, of its name; what it does is said here too, so that help imports none."""


@frozen
class Group:
    """
    Commands of two words.

    Attributes:
        help: One sentence.
        commands: Their second words, each a function of a module of its own in the group's folder, and its sentence.
        meant: The second word that is meant where none of them is given, "" = help.
    """

    help: str
    commands: Mapping[str, str]
    meant: str = ""


GROUPS = {
    "knobs": Group(
        "List, compare, edit and analyse stored knobs.",
        {
            "show": "Show a knob's card: what it does, its metrics, and its provenance.",
            "list": "List current knobs, of every model, or those that meet every condition.",
            "diff": (
                "What differs between two knobs: facts, dimensions, response, criteria, slopes and effects, "
                "with intervals."
            ),
            "plot": "Draw the response, criteria by amount, dimensions by share, and effects of knobs.",
            "similar": "List the knobs of all models with the most similar effects.",
            "verify": (
                "Measure stored knobs again, with their stored operators, by all acceptance criteria; nothing "
                "is stored."
            ),
            "transfer": "Repeat the discoveries of model A on model B and compare the knobs side by side.",
            "tag": "Add or remove tags of a knob; without either, print its tags.",
            "note": "Write a note on a knob; without a text, print its note.",
            "rename": "Rename a knob; its run keeps the old name.",
            "delete": "Delete a knob; its run keeps the evidence, and repeating the run restores the knob.",
            "export": "Export knobs with their runs and evidence to a file, for another registry.",
            "import": "Import the knobs of a file; name conflicts are reported.",
            "spectrum": (
                "Show the eigenvalues of one step of an affine or group knob: which planes of the codes rotate, "
                "and how far."
            ),
            "algebra": "Measure how knobs compose: additivity, powers, inverses, and commutators of edits and knobs.",
            "decouple": "Decouple knobs from one another's targets, with leakage on test songs before and after.",
        },
    ),
    "pack": Group(
        "Pack knobs for others (pack KNOB... -o DIR|ZIP), and check packs.",
        {
            "make": (
                "Pack knobs for others: operators, evidence, the edits' plugins, a melody before and after, and "
                "a README."
            ),
            "check": (
                "Check a pack: names, sizes, hashes, knobs and operators; nothing is stored, and no code of it is run."
            ),
        },
        "make",
    ),
    "runs": Group(
        "List, compare and repeat stored discoveries.",
        {
            "list": "List stored runs, oldest first.",
            "show": "Show a run: its parameters, its counts, and every knob that was tried.",
            "diff": (
                "What differs between two runs: settings, counts, verdicts, dimensions and effects, and what "
                "explains it."
            ),
            "repeat": "Repeat a stored run, store the result, and report what differs.",
        },
    ),
    "model": Group(
        "Inspect and compare models; import weights.",
        {
            "list": "List the models of the plugins, and those with knobs in the registry.",
            "show": "Show a model's clip format, latent size, hash, and training.",
            "evaluate": "Measure a model's reconstruction, prior samples and interpolation.",
            "metrics": "Compute disentanglement metrics, in the model's own dimensions and in knob coordinates.",
            "compare": (
                "Compare two models on the same clips: reconstruction, KL, active units, agreement, prior samples."
            ),
        },
    ),
    "plugins": Group(
        "List, create, check and trust plugins.",
        {
            "list": (
                "List all plugins: loaded, skipped, failed or disabled, and why; or what they offer to measure "
                "and edit clips."
            ),
            "show": "Show a plugin: its origin, its state, and what it offers.",
            "new": "Create a working plugin and its test, as a file, which is trusted, or as a package.",
            "check": "Check that a plugin meets its contract, in a separate process with a time limit.",
            "trust": "Allow the plugins of a folder to run, now and later: they have all your rights.",
        },
    ),
    "registry": Group(
        "Upgrade, copy, build and browse registries.",
        {
            "upgrade": "Upgrade a registry of an older version; a file is backed up first.",
            "copy": "Copy a whole registry into an empty one, and compare every row.",
            "datasette": "Write titles, units and queries for 'datasette REGISTRY --metadata OUT.json'.",
            "build": "Rebuild the knobs that come with the package (make registry; in a checkout only).",
        },
    ),
}
PATHS = (*((name,) for name in COMMANDS), *((name, word) for name, group in GROUPS.items() for word in group.commands))
ALONE = (("plugins", "check"), ("plugins", "trust"))
"""Commands that run no plugin's code in this process."""
COMPLETING = "_LATENTKNOBS_COMPLETE"
"""The variable by which a shell asks for completions, whose command line is not in the arguments."""
PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}
"""What follows ``serve`` is read by the front end, --help after its name too."""
HELP = """
Find and turn the controls of a trained music VAE: which latent directions does a musical edit move?

Help is given without running plugins; latentknobs plugins show NAME lists a plugin's commands.
"""


def _version(value: bool) -> None:
    if value:
        typer.echo(f"latentknobs {__version__}")
        raise typer.Exit


def _root(
    plugins_dir: Annotated[
        Path | None,
        typer.Option(help="Folder of local plugins, whose code is run [LATENTKNOBS_PLUGINS_DIR, else trusted ones]."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks [LATENTKNOBS_DEBUG=1].")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Options of all commands; Globals.take reads the first two, this function only gives their help."""


@frozen
class Globals:
    """
    Options that people may put anywhere, read before all others: plugins bring commands.

    Attributes:
        plugins_dir: The folder of local plugins, None where it is not named.
        debug: Whether errors show where they come from.
        rest: The other arguments.
    """

    plugins_dir: Path | None
    debug: bool
    rest: tuple[str, ...]

    @classmethod
    def take(cls, arguments: Sequence[str]) -> Globals:
        """Take them out of the arguments; what stands after "--" is left alone."""
        folder: Path | None = None
        debug = debugging()
        rest: list[str] = []
        words = iter(arguments)
        for word in words:
            if word == "--":
                rest += [word, *words]
            elif word == "--debug":
                debug = True
            elif word.startswith("--plugins-dir="):
                folder = Path(word.partition("=")[2])
            elif word == "--plugins-dir":
                following = next(words, None)
                if following is None:
                    raise UsageError("--plugins-dir needs a folder after it.")
                folder = Path(following)
            else:
                rest.append(word)
        return cls(folder, debug, tuple(rest))


def build_app(loaded: Plugins, words: Sequence[str] | None = None) -> typer.Typer:
    """
    The command line with the commands of these plugins.

    A plugin's command that cannot be read, or that takes the place of another, is left out with a line on
    stderr; where the plugins are strict it is raised.

    Args:
        loaded: The plugins.
        words: The command line, of which only the command that it means is imported, and help's list is of names and
            sentences; None = all.

    Raises:
        PluginError: Strict, and a command cannot be added.
    """
    # Plain text in place of boxes: messages stay one line, and help does without rich.
    app = typer.Typer(
        help=HELP, no_args_is_help=True, add_completion=True, rich_markup_mode=None, pretty_exceptions_enable=False
    )
    app.callback()(_root)
    groups = {name: typer.Typer(no_args_is_help=True, help=group.help) for name, group in GROUPS.items()}
    meant = PATHS if words is None or "--" in words else _meant(words)
    for path in meant or _listed(words or ()):
        parent = app if len(path) == 1 else groups[path[0]]
        command = _imported(path) if meant else _named(path)
        parent.command(path[-1], context_settings=PASSED_ON if path == ("serve",) else None)(command)
    taken = {*PATHS, *((name,) for name in GROUPS)}
    for spec in loaded.commands():
        try:
            command = _command(loaded, spec, taken)
        except PluginError as error:
            if loaded.strict:
                raise
            say(f"{error} It is left out.")
            continue
        taken.add(spec.path)
        *parents, name = spec.path
        parent = app
        for word in parents:
            parent = groups.setdefault(word, typer.Typer(no_args_is_help=True))
        parent.command(name, help=spec.help)(command)
    for name, group in groups.items():
        app.add_typer(group, name=name)
    return app


def _in_full(words: tuple[str, ...]) -> tuple[str, ...]:
    """The command line with the second word that a group leaves out: ``pack pitch`` is ``pack make pitch``."""
    group = GROUPS.get(words[0]) if len(words) > 1 else None
    if group is None or not group.meant or words[1] in (*group.commands, "--help"):
        return words
    return (words[0], group.meant, *words[1:])


def _meant(words: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """The command that a command line means; none where it names none."""
    words = tuple(takewhile(lambda word: not word.startswith("-"), words))
    return [path for path in PATHS if path == words[: len(path)]]


def _listed(words: Sequence[str]) -> Sequence[tuple[str, ...]]:
    """The commands that help lists where a command line means none: those of a group, else those of one word."""
    group = words[:1] if words and words[0] in GROUPS else ()
    return [path for path in PATHS if path[:-1] == tuple(group)]


def _named(path: tuple[str, ...]) -> Callable[..., None]:
    """What stands for a command in the list of all."""

    def command() -> None:
        """Nothing: the command line names no command."""

    command.__doc__ = COMMANDS[path[0]] if len(path) == 1 else GROUPS[path[0]].commands[path[1]]
    return command


def _to_complete() -> tuple[str, ...]:
    """The words before the one that a shell asks to complete, as typer reads them."""
    text = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS", "")
    words = text.split()
    return tuple(words[1:] if text[-1:].isspace() else words[1:-1])


def _imported(path: tuple[str, ...]) -> Callable[..., None]:
    """The function of a command; its name, and that of its module, may be no keyword and no builtin."""
    word = path[-1]
    name = f"{word}_" if keyword.iskeyword(word) or hasattr(builtins, word) else word
    module = import_module(".".join([__package__, *path[:-1], name]))
    command: Callable[..., None] = getattr(module, name)
    return guarded(command)


def _command(loaded: Plugins, spec: CommandSpec, taken: Container[tuple[str, ...]]) -> Callable[..., None]:
    words = " ".join(spec.path)
    if spec.path in taken or len(spec.path) > 2:
        plugin = loaded.origin("commands", words).name
        reason = "that is taken" if spec.path in taken else "a command has one or two words"
        raise PluginError(f"The plugin {plugin!r} offers the command {words!r}: {reason}.")
    return guarded(as_command(spec))


def run_command_line(arguments: Sequence[str]) -> int:
    """Run the command line on these arguments; returns the exit code: 0, 1 (failed), 2 (usage), 130 (Ctrl-C)."""
    debug = debugging()
    try:
        with ExitStack() as stack:
            options = Globals.take(arguments)
            debug = options.debug
            if not _asks_for_help(options.rest):
                _check_folder()
            options = evolve(options, rest=_in_full(options.rest))
            _log_to_stderr(logging.DEBUG if debug else logging.INFO)
            stack.enter_context(results_apart())
            loaded = _load(options)
            if options.rest[:1] != ("try",) and all(report.origin == "built-in" for report in loaded.reports()):
                stack.close()
            if "plugins" not in options.rest:
                for report in loaded.reports():
                    if report.state == "failed":
                        say(report.error or report.name)
            app = build_app(loaded, _to_complete() if COMPLETING in os.environ else options.rest)
            app(
                args=list(options.rest),
                prog_name="latentknobs",
                obj=Context(loaded, debug, options.plugins_dir, tuple(arguments)),
            )
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except (LatentKnobsError, OSError, KeyboardInterrupt) as error:
        if debug:
            raise
        return code_of(error)
    return 0


def _check_folder() -> None:
    """Refuse to begin in a folder that has been deleted: the libraries of numpy and torch end the program there."""
    try:
        Path.cwd()
    except OSError as error:
        raise UsageError(f"The current folder cannot be used ({error.strerror}): go to another one first.") from error


def _load(options: Globals) -> Plugins:
    """The plugins; only the built-in ones where no other is needed, or one is first checked in its own process."""
    if options.rest[:1] == ("try",) or options.rest[:2] in ALONE or _asks_for_help(options.rest):
        kinds = ("commands", "frontends") if _asks_for_help(options.rest) else ()
        return Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, kinds=kinds)
    from latentknobs.workbench import load_plugins

    return load_plugins(options.plugins_dir)


def _asks_for_help(words: Sequence[str]) -> bool:
    """Whether a command line asks for help, a version or completions that no plugin's code is needed for."""
    if COMPLETING in os.environ or not words or words[0].startswith("-"):
        return True
    meant = tuple(takewhile(lambda word: not word.startswith("-"), words))
    if meant[:1] == ("serve",):
        known = meant[1:] in ((), ("web",), ("cli",))
    else:
        known = meant in {(name,) for name in GROUPS} or any(path == meant[: len(path)] for path in PATHS)
    asked = "--help" in takewhile(lambda word: word != "--", words)
    return known and (asked or (len(words) == 1 and words[0] in GROUPS))


class _Handler(logging.Handler):
    """Writes records as lines on the stderr of the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def _log_to_stderr(level: int) -> None:
    log = logging.getLogger("latentknobs")
    if not any(isinstance(handler, _Handler) for handler in log.handlers):
        log.addHandler(_Handler())
    log.setLevel(level)
