"""``latentknobs serve``: starts front ends, ours or plugins', one alone or several on one session."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import typer

from latentknobs.core.frontend_options import FrontendParser
from latentknobs.core.frontend_specs import FrontendSpec
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.melody_files import check_target

DEFAULT = "web"


def serve(ctx: typer.Context) -> None:
    """
    Start a front end: the page in a browser (web), or one that a plugin brings; several share one session.

    serve [NAME] [ITS OPTIONS]; the page's are shown by serve web --help. serve web,osc starts both on one session: the
    options of each begin with its name (--osc-port 9000), and --file, --model, --registry and --device are the
    session's.
    """
    words = list(ctx.args)
    names = (words.pop(0) if words and not words[0].startswith("-") else DEFAULT).split(",")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"The front end {twice} is named twice: name it once.")
    context = program(ctx)
    known = {name: one for name, one in context.plugins.frontends().items() if one.serve or one.start}
    for name in names:
        if name not in known:
            raise UnknownNameError("front end", name, known)
    if context.plugins_dir is not None:  # a front end is a program of its own: it reads what the environment says
        os.environ["LATENTKNOBS_PLUGINS_DIR"] = str(context.plugins_dir)
    alone = known[names[0]].serve
    if len(names) == 1 and alone is not None:
        raise typer.Exit(alone(words))
    _serve_together(ctx, {name: known[name] for name in names}, words)


def _serve_together(ctx: typer.Context, specs: Mapping[str, FrontendSpec], words: Sequence[str]) -> None:
    """Start front ends on one session, and stop them at Ctrl-C or SIGTERM, the last one first."""
    for name, spec in specs.items():
        if spec.start is None:
            raise UsageError(f"The front end {name} cannot share a session: start it alone, with serve {name}.")
    if not {"-h", "--help"}.isdisjoint(words):
        _help(specs)
        return
    options, rest = _parser(specs).parse_known_args(list(words))
    own = _dealt(list(specs), rest)
    for name, spec in specs.items():  # what is wrong with the words is said before a model is loaded
        if spec.check is not None:
            spec.check(own[name])
    from latentknobs.steering.batch_decoder import DecoderQueue
    from latentknobs.studio.project import SUFFIX
    from latentknobs.studio.shared_session import SharedSession

    if options.save is not None:
        if options.save.exists() and options.save != options.file:
            raise UsageError(f"{options.save} is there already: name another file, or open it with --file.")
        check_target(options.save, force=True, suffixes=(SUFFIX,))
    ended = threading.Event()
    with (
        _ended_by_signals(ended),
        program(ctx).workbench(options.registry, options.device) as workbench,
        DecoderQueue() as queue,
        SharedSession(workbench, queue, tuple(options.model), options.file) as session,
        ExitStack() as running,
    ):
        for name, spec in specs.items():
            assert spec.start is not None
            frontend = spec.start(session, own[name])
            running.callback(frontend.stop)
            say(frontend.where)
        say("Ctrl-C ends it.")
        try:
            ended.wait()
        except KeyboardInterrupt:
            say("Ended.")
        if options.save is not None:
            session.project().write(options.save, overwrite=True)
            say(f"project written to {options.save}")


@contextmanager
def _ended_by_signals(ended: threading.Event) -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that closes, are ordinary ends; only the main thread is told of signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [number for name in ("SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None]
    # Who started it with nohup wants it to outlive the terminal.
    numbers = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda _number, _frame: ended.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _help(specs: Mapping[str, FrontendSpec]) -> None:
    """Print the options of the session, and those of each front end that tells them."""
    _parser(specs).print_help()
    for spec in specs.values():
        if spec.check is not None:
            print()  # noqa: T201 - what --help is for
            with suppress(SystemExit):
                spec.check(["--help"])


def _parser(names: Collection[str]) -> FrontendParser:
    """The options of the session."""
    prefixes = " or ".join(f"--{name}-" for name in names)
    description = f"Start front ends on one session; their own options begin with {prefixes}."
    parser = FrontendParser(",".join(names), description if len(names) > 1 else "Start a front end on a session.")
    parser.add_argument("--file", type=Path, help="what to open: a file of MIDI or notation, or a project [an example]")
    parser.add_argument("--save", type=Path, help="project file that is written at the end; it may be --file's")
    parser.add_argument("--model", action="append", default=[], help="model; once for each clip format")
    parser.add_argument("--registry", help="registry file or URL [LATENTKNOBS_REGISTRY, else registry.db here]")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto")
    return parser


def _dealt(names: Sequence[str], words: Sequence[str]) -> dict[str, list[str]]:
    """
    To each front end its own options, without the prefix; a single one's have none.

    Raises:
        UsageError: An option of none of them.
    """
    out: dict[str, list[str]] = {name: [] for name in names}
    if len(names) == 1:
        return {names[0]: list(words)}
    whose = ""
    for word in words:
        if word.startswith("--"):
            whose = next((name for name in names if word.startswith(f"--{name}-")), "")
            if not whose:
                begin = " or ".join(f"--{name}-" for name in names)
                raise UsageError(f"{word} is no option of the session; those of a front end begin with {begin}.")
            word = f"--{word.removeprefix(f'--{whose}-')}"  # noqa: PLW2901 - the word as its owner reads it
        elif not whose:
            raise UsageError(f"{word!r} follows no option.")
        out[whose].append(word)
    return out
