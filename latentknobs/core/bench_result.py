"""What ``latentknobs bench`` measures, as values and as the file that data/bench-1.schema.json describes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from reprlib import repr as short
from typing import Any, Literal

from attrs import field, frozen, validators

from latentknobs.core.strict_json import structure, unstructure
from latentknobs.errors import UsageError

SCHEMA = Path(__file__).parent.parent / "data" / "bench-1.schema.json"
MOST_CHARACTERS = 10_000_000
MOST_COUNT = 1e30
"""Of operations; so that ratios are finite."""
LEAST, MOST = 1e-12, 1e12
"""Of seconds and of clips a second, for the same reason."""
MEMORY = 2**60
"""Most bytes."""
BUSY = 0.25
"""From this load a core on, a machine counts as busy."""
FORMAT: Literal["latentknobs-bench"] = "latentknobs-bench"
WORKS = ("encode", "decode")


_bytes = validators.optional(validators.and_(validators.ge(0), validators.le(MEMORY)))


def _printable(_instance: object, attribute: Any, value: Any) -> None:
    texts = value if isinstance(value, tuple) else (value,)
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        raise ValueError(f"'{attribute.name}' must be words on one line, not {short(value)}")


def _counts(_instance: object, attribute: Any, value: Mapping[str, float]) -> None:
    for name, number in value.items():
        if not name.isprintable() or not 1 <= number <= MOST_COUNT:
            raise ValueError(
                f"'{attribute.name}' must name numbers from 1 to {MOST_COUNT:g}, not {short(name)}: {number}"
            )


@frozen
class BenchMachine:
    """
    Where it was measured.

    Attributes:
        cpu: The processor's name.
        cores: Processors that the program may use.
        memory: Bytes of main memory, None where the system does not say.
        instructions: Instruction sets that the speed depends on ("avx512_bf16"), by name.
        load: Programs that wanted a processor before the start, over cores (mean of a minute), None where not known.
    """

    cpu: str = field(validator=_printable)
    cores: int = field(validator=validators.ge(1))
    memory: int | None = field(validator=_bytes)
    instructions: tuple[str, ...] = field(validator=_printable)
    load: float | None

    @property
    def busy(self) -> bool:
        """Whether other programs had much of it."""
        return self.load is not None and self.load >= BUSY


@frozen
class BenchVersions:
    """
    What ran.

    Attributes:
        latentknobs: Its version.
        python: Python's.
        torch: That of torch.
        numpy: That of numpy.
    """

    latentknobs: str = field(validator=_printable)
    python: str = field(validator=_printable)
    torch: str = field(validator=_printable)
    numpy: str = field(validator=_printable)


@frozen
class BenchSettings:
    """
    How it was measured.

    Attributes:
        device: "cpu", "cuda" or "auto", as asked for.
        threads: Threads of torch.
        batches: Clips of a batch, the smallest first.
        precisions: In which numbers the model computed; the others are compared with the first.
        rounds: How often each was timed, in turns; a warm-up before them is left out.
        seed: Of the clips.
    """

    device: str = field(validator=_printable)
    threads: int = field(validator=validators.ge(1))
    batches: tuple[int, ...] = field(validator=validators.min_len(1))
    precisions: tuple[str, ...] = field(validator=[_printable, validators.min_len(1)])
    rounds: int = field(validator=validators.ge(1))
    seed: int = field(validator=validators.ge(0))


@frozen
class BatchTiming:
    """
    One kind of work on one batch.

    Attributes:
        work: "encode" or "decode".
        precision: In which numbers.
        batch: Clips.
        seconds: Median time of a batch.
        fastest: The least of the rounds, in seconds.
        slowest: The most of them.
        clips_a_second: The batch over the median.
        share_of_peak: Of the fastest matrix product of that precision, None where the operations are not known.
        memory: Bytes by which the peak of resident memory grew, None where not measured.
    """

    work: str = field(validator=validators.in_(WORKS))
    precision: str = field(validator=_printable)
    batch: int = field(validator=validators.ge(1))
    seconds: float = field(validator=[validators.ge(LEAST), validators.le(MOST)])
    fastest: float = field(validator=[validators.ge(LEAST), validators.le(MOST)])
    slowest: float = field(validator=[validators.ge(LEAST), validators.le(MOST)])
    clips_a_second: float = field(validator=[validators.ge(LEAST), validators.le(MOST)])
    share_of_peak: float | None
    memory: int | None = field(validator=_bytes)

    @property
    def key(self) -> tuple[str, str, int]:
        """What it is a time of."""
        return self.work, self.precision, self.batch


@frozen
class PrecisionError:
    """
    How far a precision is from the first one.

    Attributes:
        precision: Which.
        clips: Clips that were compared.
        tokens_equal: Share of tokens that equal codes decode to in both.
        clips_equal: Share of whole clips.
        code_mean: Mean difference of a number of a code, over that number's posterior standard deviation; None where
            the model has none.
        code_largest: The largest.
    """

    precision: str = field(validator=_printable)
    clips: int = field(validator=validators.ge(1))
    tokens_equal: float = field(validator=[validators.ge(0), validators.le(1)])
    clips_equal: float = field(validator=[validators.ge(0), validators.le(1)])
    code_mean: float | None
    code_largest: float | None


@frozen
class BenchChoice:
    """
    Which precision and batch to take on this machine.

    Attributes:
        precision: Which.
        batch: Clips at a time.
        why: One sentence.
    """

    precision: str = field(validator=_printable)
    batch: int = field(validator=validators.ge(1))
    why: str = field(validator=_printable)


@frozen
class BenchResult:
    """
    All that a run of ``latentknobs bench`` found.

    Attributes:
        format: What the file is.
        version: Of that form.
        date: When it began.
        model: The model's name.
        model_id: Its identity.
        machine: Where it was measured.
        versions: What ran.
        settings: How it was measured.
        peak: Operations a second of the fastest matrix product of each precision, where measured.
        flops: Operations of a clip by work, where the backend says.
        timings: A row for each work, precision and batch.
        exactness: A row for each precision.
        choice: What to take here.
        notes: What else to know of the numbers, sentences.
    """

    format: Literal["latentknobs-bench"]
    version: Literal[1]
    date: datetime
    model: str = field(validator=_printable)
    model_id: str = field(validator=validators.matches_re(r"[0-9a-f]{64}"))
    machine: BenchMachine
    versions: BenchVersions
    settings: BenchSettings
    peak: Mapping[str, float] = field(validator=_counts)
    flops: Mapping[str, float] = field(validator=_counts)
    timings: tuple[BatchTiming, ...] = field(validator=validators.min_len(1))
    exactness: tuple[PrecisionError, ...]
    choice: BenchChoice
    notes: tuple[str, ...] = field(validator=_printable)

    def as_dict(self) -> dict[str, Any]:
        """What ``--json`` prints."""
        out: dict[str, Any] = unstructure(self, "")
        return out

    def text(self) -> str:
        """The file's content."""
        return json.dumps(self.as_dict(), allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def read_bench_result(path: Path) -> BenchResult:
    """
    A file that ``latentknobs bench`` wrote.

    Raises:
        UsageError: It is not one, or cannot be read; says where it is wrong and how to make one.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST_CHARACTERS)  # the rest of a larger file, which is none, is not read
        return structure(json.loads(text), BenchResult, "")
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if isinstance(error, RecursionError):
            reason = "it is nested too deeply"
        elif isinstance(error, json.JSONDecodeError | UnicodeDecodeError):
            reason = "it is no JSON"
        raise UsageError(
            f"{path} is not a result of latentknobs bench ({str(reason)[:300].rstrip('.')}): make one with "
            "latentknobs bench -o FILE.json."
        ) from error
