"""Rules for cutting a tune into clips, each shown on a tune made for it."""

import numpy as np
import pytest

from latentknobs.core.melody_format import HOLD, MELODY, MELODY_4BAR, MELODY_FORMATS, REST
from latentknobs.corpora.windowing import windows
from latentknobs.errors import CorpusError
from latentknobs.scores import abc_reader

C, D, E, F, G = 60, 62, 64, 65, 67


def cut(body, meter="4/4", key="C", length="1/8", clip_format=MELODY):
    """The clips of a tune and the counts."""
    tune = f"X:1\nT:Made up\nM:{meter}\nL:{length}\nK:{key}\n{body}\n"
    clips, counts = windows(abc_reader.measures(tune), clip_format)
    assert clip_format.valid(clips).all()
    return clips, dict(counts)


def pitches(clip):
    """The pitches of a clip's notes."""
    return [note.pitch for note in MELODY.notes(clip)]


def test_every_bar_starts_a_clip_and_the_last_is_included():
    """Four bars give the clips of bars 1-2, 2-3 and 3-4."""
    clips, counts = cut("C8|D8|E8|F8|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [D, E], [E, F]]
    assert counts == {}


def test_lengths_and_rests_are_steps():
    """A note is its pitch and holds, a rest is rests."""
    clips, _ = cut("C2D E/F/ z4|C8|]")
    assert clips[0].tolist() == [60, 128, 128, 128, 62, 128, 64, 65, *[REST] * 8, 60, *[HOLD] * 15]


def test_bar_off_the_grid_is_left_out_but_not_its_tune():
    """A triplet, or a note shorter than a sixteenth, costs every clip with its bar, and is counted."""
    clips, counts = cut("C8|D8|(3EFG (3EFG (3EFG (3EFG|E8|F8|G4 G2 G3/4G/4G|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [E, F]]
    assert counts == {"bars with notes off the grid": 2}


def test_bar_with_a_chord_is_left_out():
    """A chord is more than one voice."""
    clips, counts = cut("C8|D8|[CEG]8|E8|F8|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [E, F]]
    assert counts == {"bars with chords": 1}


def test_bar_divided_by_a_repeat_sign_is_joined():
    """7/8 before a repeat sign and 1/8 after it are one bar."""
    clips, counts = cut("C8|D7::G|E8|F8|]")
    assert [pitches(clip) for clip in clips] == [[C, D, G], [D, G, E], [E, F]]
    assert counts == {"bars joined from parts": 1}


def test_pick_up_is_no_bar():
    """A pick-up is left out and counted; bar 1 is the first whole bar."""
    clips, counts = cut("G2|C8|D8|E6|]")
    assert [pitches(clip) for clip in clips] == [[C, D]]
    assert counts == {"pick-up bars": 1, "incomplete bars": 1}


def test_forgotten_bar_line_divides_a_measure():
    """A measure as long as two bars is two bars; a note over the line is held."""
    clips, counts = cut("C4D4E4F4|G8|]")
    assert [pitches(clip) for clip in clips] == [[C, D, E, F], [E, F, G]]
    assert counts == {"bars divided where a bar line is missing": 1}
    clips, counts = cut("C6D4E6|F8|]")
    assert [pitches(clip) for clip in clips] == [[C, D, E]]
    assert counts["windows that start with a held note"] == 1


def test_bar_too_long_is_left_out():
    """A bar with a beat too many cannot be cut."""
    clips, counts = cut("C8|D8|E10|F8|G8|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [F, G]]
    assert counts == {"bars that are too long": 1}


def test_tie_inside_a_clip_is_one_note():
    """Tied notes of one pitch are one note, and no clip starts inside it."""
    clips, counts = cut("C6 D2-|D4 E4|F8|]")
    assert clips[0].tolist() == [60, *[HOLD] * 11, 62, *[HOLD] * 11, 64, *[HOLD] * 7]
    assert [pitches(clip) for clip in clips] == [[C, D, E]]
    assert counts == {"windows that start with a held note": 1}


def test_tie_between_pitches_is_a_slur():
    """O'Neill's transcribers write slurs as ties: notes of two pitches stay two."""
    clips, _ = cut("C4-D4-|E8|]")
    assert pitches(clips[0]) == [C, D, E]


def test_two_bars_of_two_four_are_one():
    """In 2/4 a clip is four bars, and every second bar starts one."""
    clips, counts = cut("C4|D4|E4|F4|G4|C4|]", meter="2/4")
    assert [pitches(clip) for clip in clips] == [[C, D, E, F], [E, F, G, C]]
    assert counts == {}


def test_two_four_pairs_start_with_the_section():
    """A section of an odd number of bars does not shift the pairs of the next one."""
    clips, counts = cut("C4|D4|E4||F4|G4|C4|D4|]", meter="2/4")
    assert [pitches(clip) for clip in clips] == [[F, G, C, D]]
    assert counts == {"bars of 2/4 without a partner": 1}
    clips, counts = cut("C4|D4|E3::G|F4|G4|C4|D4|]", meter="2/4")
    assert [pitches(clip) for clip in clips] == [[F, G, C, D]]
    assert counts == {"bars joined from parts": 1, "bars of 2/4 without a partner": 1}


def test_second_ending_does_not_follow_the_first():
    """No clip goes from the first ending into the second."""
    clips, _ = cut("|:C8|D8|1 E8:|2 F8|G8|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [D, E], [F, G]]


def test_other_meter_inside_a_tune_is_left_out():
    """Bars of 3/4 in a tune in 4/4 are left out and counted."""
    clips, counts = cut("C8|D8|\nM:3/4\nE6|F6|\nM:4/4\nF8|G8|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [F, G]]
    assert counts == {"bars in another meter": 2}
    assert len(cut("C8|[M:3/4]E6|[M:C]F8|G8|]")[0]) == 1


def test_grace_notes_and_bowings_are_ignored():
    """What is neither rhythm nor pitch changes neither, not even between a note and its dot sign."""
    plain, _ = cut("C3D E>F G4|C8|]")
    decorated, _ = cut("u(C3.D) {gf}E>{g}.F vG4|~C8|]")
    assert np.array_equal(plain, decorated)


def test_tied_dotted_rhythm_keeps_both():
    """``A>-A`` is dotted and tied."""
    clips, _ = cut("C>-C D6|C8|]")
    assert clips[0, :5].tolist() == [60, HOLD, HOLD, HOLD, 62]


def test_accidental_holds_to_the_end_of_the_bar():
    """A sharp holds for its bar, in every octave, and no longer."""
    clips, _ = cut("^F2F2f2G2|F8|]")
    assert pitches(clips[0]) == [66, 66, 78, 67, 65]


def test_key_signature_counts():
    """Notes are sharp or flat by the key, also in modes."""
    assert pitches(cut("FGAB cdef|F8|]", key="Ador")[0][0])[0] == 66
    assert pitches(cut("FGAB cdef|F8|]", key="F")[0][0])[3] == 70


def test_only_the_first_voice_is_read():
    """Of several voices, the first one is the tune."""
    clips, _ = cut("V:1\nC8|D8|\nV:2\nE8|F8|\nV:1\nG8|]")
    assert [pitches(clip) for clip in clips] == [[C, D], [D, G]]


def test_clip_without_a_note_is_left_out():
    """Two bars of rest are no clip."""
    clips, counts = cut("C8|z8|z8|D8|]")
    assert [pitches(clip) for clip in clips] == [[C], [D]]
    assert counts == {"windows without a note": 1}


def test_broken_tune_is_one_kind_of_error():
    """Whatever music21 stumbles over becomes a CorpusError."""
    with pytest.raises(CorpusError, match="cannot read this tune"):
        abc_reader.measures("X:1\nM:4/4\nL:1/8\nK:C\n(0CDE|C8|")


def test_book_is_split_into_tunes():
    """Each ``X:`` starts a tune; what stands before the first is no tune."""
    book = "% a book\nX:7\nM:C|\nK:C\nC8|\n\nX: 12\nM: 6/8\nK:C\nC6|\n"
    assert [number for number, _ in abc_reader.split_book(book)] == [7, 12]
    assert [str(abc_reader.meter(text)) for _, text in abc_reader.split_book(book)] == ["2/2", "6/8"]


@pytest.mark.parametrize(
    ("meter", "name", "body", "first"),
    [
        ("3/4", "melody-2bar-3-4", "C6|D6|E6|]", [C, D]),
        ("6/8", "melody-2bar-6-8", "C6|D3E3|F6|]", [C, D, E]),
        ("3/8", "melody-2bar-6-8", "C3|D3|E3|F3|]", [C, D, E, F]),
        ("9/8", "melody-2bar-9-8", "C9|D6E3|F9|]", [C, D, E]),
        ("2/4", "melody-4bar", "C4|D4|C4|D4|E4|F4|E4|F4|]", [C, D, C, D, E, F, E, F]),
    ],
)
def test_a_clip_of_every_format_has_its_bars(meter, name, body, first):
    """Two bars in the format's time signature, or four; of half of it twice as many."""
    clips, counts = cut(body, meter, clip_format=MELODY_FORMATS[name])

    assert pitches(clips[0]) == first
    assert clips.shape[1] == MELODY_FORMATS[name].steps
    assert counts == {}


@pytest.mark.parametrize(("meter", "other"), [("3/4", "6-8"), ("6/8", "3-4"), ("3/2", "3-4")])
def test_bars_that_are_divided_otherwise_are_left_out(meter, other):
    """As long as the format's, or twice as long, is not enough."""
    clips, counts = cut(
        "C6|D6|]" if meter != "3/2" else "C12|D12|]", meter, clip_format=MELODY_FORMATS[f"melody-2bar-{other}"]
    )

    assert not len(clips)
    assert counts == {"bars in another meter": 2}


def test_a_clip_of_four_bars_does_not_go_across_a_gap():
    """Anywhere in it."""
    clips, _ = cut("C8|D8|(3EFG (3EFG (3EFG (3EFG|E8|F8|G8|C8|]", clip_format=MELODY_4BAR)

    assert [pitches(clip) for clip in clips] == [[E, F, G, C]]
