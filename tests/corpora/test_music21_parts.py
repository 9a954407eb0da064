"""Rules of the parts of scores: which scores, which bars of which voices, and that music21 reads the same."""

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from latentknobs.core.corpus import SPLITS, CorpusRequest, split_of
from latentknobs.core.melody_format import HOLD, REST, untransposed
from latentknobs.corpora import music21_parts
from latentknobs.corpora.music21_parts import ScoreParts, cut
from latentknobs.errors import CorpusError, UnknownNameError

STEPS = {"C": 60, "D": 62, "E": 64, "F": 65, "G": 67, "A": 69, "B": 71}
DIVISIONS = 12
WHOLE = "C:48"
TIME = "<attributes><divisions>12</divisions><time><beats>{}</beats><beat-type>{}</beat-type></time>{}</attributes>"
DRUMS = "<midi-instrument id='I'><midi-channel>10</midi-channel></midi-instrument>"


def note(text):
    """A note such as "C:12": "+" before it = in a chord, "(" = a tie from it, ")" = a tie to it, "R" = a rest."""
    name, length = text.split(":")
    ties = "".join(f'<tie type="{kind}"/>' for sign, kind in ((")", "stop"), ("(", "start")) if sign in name)
    step = name.strip("+()")
    what = "<rest/>" if step == "R" else f"<pitch><step>{step}</step><octave>4</octave></pitch>"
    return f"<note>{'<chord/>' * ('+' in name)}{what}<duration>{length}</duration>{ties}</note>"


def part(*bars, time=(4, 4), more=""):
    """The measures of a part: notes separated by spaces, elements as they are."""
    out = []
    for k, bar in enumerate(bars):
        items = "".join(item if item.startswith("<") else note(item) for item in bar.split("|")[0].split())
        head = TIME.format(*time, more) if k == 0 else ""
        out.append(f'<measure number="{k + 1}">{head}{items}{"".join(bar.split("|")[1:])}</measure>')
    return "".join(out)


def score(*parts, head=""):
    """A document of parts."""
    names = "".join(f'<score-part id="P{k}"><part-name/>{head}</score-part>' for k in range(len(parts)))
    music = "".join(f'<part id="P{k}">{own}</part>' for k, own in enumerate(parts))
    return f"<score-partwise><part-list>{names}</part-list>{music}</score-partwise>"


def clips_of(tmp_path, document):
    """The clips of a document, each as its onsets {step: pitch}, and the counts."""
    clips, counts = cut(tmp_path / "score.xml", document.encode())
    return [{i: int(pitch) for i, pitch in enumerate(clip) if pitch < HOLD} for clip in clips], counts


@pytest.fixture
def corpus(tmp_path):
    """Scores of two composers, twelve each, and a demo."""
    rng = np.random.default_rng(2)
    for place in [f"{name}/work{k}" for name in ("bach", "haydn") for k in range(12)] + ["demos/scale"]:
        bars = [" ".join(f"{'CDEFGAB'[i]}:6" for i in rng.integers(7, size=8)) for _ in range(5)]
        path = tmp_path / "music" / f"{place}.musicxml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(score(part(*bars)))
    return ScoreParts(folder=tmp_path / "music")


def read(corpus, argument="", **wanted):
    """The songs as comparable values."""
    return [(song.name, song.split, song.clips.tobytes()) for song in corpus.songs(CorpusRequest(**wanted), argument)]


def test_scores_are_named_by_their_place(corpus):
    """A name is corpus, folder and file; demos are no scores."""
    names = list(corpus.scores())
    assert names[0] == "parts/bach/work0"
    assert len(names) == 24


def test_a_score_is_in_one_split(corpus):
    """All clips of a score are in the split of its name."""
    songs = list(corpus.songs(CorpusRequest()))
    assert len(songs) == 24
    assert all(song.split == split_of(song.name) for song in songs)


def test_an_argument_is_a_composer(corpus):
    """After the colon stands a composer, whose scores alone are read, in the order that they have among all."""
    songs = read(corpus, "haydn")
    assert {name.split("/")[1] for name, _, _ in songs} == {"haydn"}
    assert [name for name, _, _ in songs] == [name for name, _, _ in read(corpus) if "haydn" in name]


def test_unknown_composer_is_told_with_the_nearest(corpus):
    """A composer who is not there is an unknown name."""
    with pytest.raises(UnknownNameError, match="no composer named 'bahc' in the corpus parts; did you mean 'bach'"):
        read(corpus, "bahc")
    with pytest.raises(UnknownNameError, match="there is: bach, haydn"):
        read(corpus, "xenakis")


def test_cached_scores_are_not_read_again(corpus, tmp_path, monkeypatch):
    """What is cached, of one composer or all, is not cut again unless the file has changed; the songs are the same."""
    plain = read(corpus)
    asked = []
    monkeypatch.setattr(music21_parts, "cut", lambda path, *more: asked.append(path) or cut(path, *more))
    read(corpus, "bach", cache=tmp_path)
    assert len(asked) == 12
    assert read(corpus, cache=tmp_path) == plain
    assert read(corpus, cache=tmp_path) == plain
    assert len(asked) == 24
    path = asked[0]
    path.write_text(path.read_text() + "<!-- revised -->")
    assert read(corpus, cache=tmp_path) == plain
    assert asked[24:] == [path]


def test_broken_score_is_counted(corpus):
    """A file that is no score costs itself only."""
    (corpus.folder / "bach" / "broken.xml").write_text("<score-partwise><part")
    counts = Counter()
    assert len(read(corpus, tally=lambda what, n: counts.update({what: n}))) == 24
    assert counts["scores that cannot be read"] == 1


def test_missing_scores_are_a_sentence(tmp_path):
    """A folder without scores is named."""
    with pytest.raises(CorpusError, match="No scores in"):
        read(ScoreParts(folder=tmp_path))


def test_restrictions_are_told():
    """People are told before they use it."""
    assert "may not be used commercially" in ScoreParts().licence


@pytest.mark.parametrize(
    ("bar", "left_out"),
    [
        ("C:24 +E:24 D:24", "bars with chords"),
        ("C:8 D:8 E:8 F:24", "bars with notes off the grid"),
        ("C:24 D:12", "incomplete bars"),
        ("C:24 D:36", "bars that are too long"),
    ],
)
def test_a_bar_is_left_out_not_its_voice(tmp_path, bar, left_out):
    """The bars on both sides of one that cannot be a clip's still give clips."""
    clips, counts = clips_of(tmp_path, score(part(WHOLE, WHOLE, bar, "D:48", "E:48")))
    assert clips == [{0: 60, 16: 60}, {0: 62, 16: 64}]
    assert counts == {left_out: 1}


def test_every_voice_of_every_part_gives_clips(tmp_path):
    """Voices are read one by one, each with rests where the other sings alone."""
    low = (
        "<backup><duration>48</duration></backup>"
        + note("R:24")
        + note("G:24").replace("</pitch>", "</pitch><voice>2</voice>")
    )
    clips, _ = clips_of(tmp_path, score(part(f"C:48|{low}", f"D:48|{low}"), part("E:48", "F:48")))
    assert clips == [{0: 60, 16: 62}, {8: 67, 24: 67}, {0: 64, 16: 65}]


def test_tied_notes_are_one(tmp_path):
    """A tie between equal pitches makes one note; a clip that starts inside one is left out."""
    clips, counts = clips_of(tmp_path, score(part("C:36 (E:12", ")E:48", "E:48")))
    assert clips == [{0: 60, 12: 64}]
    assert counts == {"windows that start with a held note": 1}


def test_a_tie_from_a_chord_is_no_onset(tmp_path):
    """A note held over from a chord, whose bar is left out, starts no clip."""
    clips, counts = clips_of(tmp_path, score(part("C:24 (C:24 +(E:24", ")E:48", "F:48")))
    assert clips == []
    assert counts == {"bars with chords": 1, "windows that start with a held note": 1}


def test_pitches_are_as_they_sound(tmp_path):
    """The part of a transposing instrument is read as it sounds."""
    more = "<transpose><chromatic>-2</chromatic></transpose>"
    clips, _ = clips_of(tmp_path, score(part(WHOLE, WHOLE, more=more)))
    assert clips == [{0: 58, 16: 58}]


def test_percussion_is_left_out(tmp_path):
    """Drums have no melody."""
    clips, counts = clips_of(tmp_path, score(part(WHOLE, WHOLE), head=DRUMS))
    assert clips == []
    assert counts == {"percussion voices": 1}


def test_bars_of_2_4_are_joined_from_a_section_on(tmp_path):
    """Two bars of 2/4 are one; a double bar starts the count anew."""
    double = "<barline><bar-style>light-light</bar-style></barline>"
    bars = ["C:24", "D:24", f"E:24|{double}", "F:24", "G:24", "A:24", "B:24"]
    clips, counts = clips_of(tmp_path, score(part(*bars, time=(2, 4))))
    assert clips == [{0: 65, 8: 67, 16: 69, 24: 71}]
    assert counts == {"bars of 2/4 without a partner": 1}


def test_a_second_ending_does_not_follow_the_first(tmp_path):
    """No clip goes from a first ending into a second."""

    def ending(number):
        return (
            f'<barline location="left"><ending number="{number}" type="start"/></barline>',
            f'<barline location="right"><ending number="{number}" type="stop"/></barline>',
        )

    bars = [WHOLE, *("|".join([bar, *ending(n)]) for n, bar in ((1, "D:48"), (2, "E:48"))), "F:48"]
    clips, _ = clips_of(tmp_path, score(part(*bars)))
    assert clips == [{0: 60, 16: 62}, {0: 64, 16: 65}]


@pytest.mark.parametrize(("first", "second"), [((6, 8), (6, 8)), ((4, 4), (6, 8)), ((6, 8), (4, 4))])
def test_other_time_signatures_are_left_out(tmp_path, first, second):
    """Bars in a time signature that is not read, or in several at once, are left out."""
    clips, counts = clips_of(tmp_path, score(part("C:36", "D:36", time=first), part("E:36", "F:36", time=second)))
    assert clips == []
    assert counts == {"bars in another meter": 4}


def test_first_bars_of_a_chorale():
    """The soprano of BWV 66.6 goes a b c# e | c# b a c# | ab g# f# a after its pick-up."""
    path = ScoreParts().scores()["parts/bach/bwv66.6"]
    clips, counts = cut(path, path.read_bytes())
    assert clips[:2, ::4].tolist() == [[69, 71, 73, 76, 73, 71, 69, 73], [73, 71, 69, 73, 69, 68, 66, 69]]
    assert clips[1, 16:20].tolist() == [69, HOLD, 71, HOLD]
    assert counts == {"pick-up bars": 4, "incomplete bars": 4}


CHORALE = "parts/bach/bwv66.6"
OTHERS = (
    "parts/haydn/opus74no1/movement1",
    "parts/mozart/k155/movement1",
    "parts/mozart/k458/movement3",
    "parts/monteverdi/madrigal.3.13",
    "parts/corelli/opus3no1/1grave",
    "parts/lusitano/allor_che_ignuda",
)


@pytest.mark.parametrize("name", [CHORALE, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_music21_reads_the_same(name):
    """The clips are those of neighbouring bars as music21 parses them."""
    path = ScoreParts().scores()[name]
    clips, _ = cut(path, path.read_bytes())
    assert Counter(map(tuple, clips.tolist())) == Counter(_parsed(path))


def _parsed(path):
    from music21 import converter, stream

    for own in converter.parse(path, forceSource=True).parts:
        bars, signature = [], None
        for measure in own.getElementsByClass(stream.Measure):
            signature = measure.timeSignature or signature
            bars.append(_bar(measure.notesAndRests) if signature.ratioString in ("4/4", "2/2") else None)
        for one, other in itertools.pairwise(bars):
            if one and other and one[0] != HOLD and min(one + other) < HOLD:
                yield one + other


def _bar(notes):
    """Sixteen tokens, or None for a bar with a chord, off the grid or of another length."""
    tokens, now = (), Fraction(0)
    for one in notes:
        start, length = 4 * Fraction(one.offset), 4 * Fraction(one.quarterLength)
        if one.isChord or start.denominator > 1 or length.denominator > 1 or start != now:
            return None
        now += length
        held = one.tie is not None and one.tie.type != "start"
        if one.isRest:
            tokens += (REST,) * int(length)
        elif length:
            tokens += (HOLD if held else one.pitch.midi, *(HOLD,) * (int(length) - 1))
    return tokens if len(tokens) == 16 else None


@pytest.mark.evidence
def test_counts_of_the_real_scores():
    """All of the scores, counted with music21 10.5.1; no clip is, up to transposition, in two splits."""
    assert len(ScoreParts().scores()) == 639
    songs = list(ScoreParts().songs(CorpusRequest()))
    assert sum(len(song.clips) for song in songs) == pytest.approx(44_206, rel=0.02)
    shapes = {split: set() for split in SPLITS}
    for song in songs:
        shapes[song.split].update(shape.tobytes() for shape in untransposed(song.clips))
    assert not shapes["train"] & shapes["validation"]
    assert not (shapes["train"] | shapes["validation"]) & shapes["test"]
