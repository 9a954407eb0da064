"""The suite: files of the kinds that musicians sent, made here; nothing of them is kept but this text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from attrs import evolve, frozen

from benchmarks.real_files import notation_files, odd_files, song_files
from benchmarks.real_files.performances import Take
from benchmarks.real_files.song_files import a_hymn, a_song, a_tune, two_hands, with_bends
from benchmarks.real_files.songs import Meter, Song, swung
from benchmarks.real_files.truth import Maker


@frozen
class Recipe:
    """
    How a file is made.

    Attributes:
        name: Its name.
        kind: A few words.
        group: The kinds of a group stand together in the report.
        make: Makes it.
        meter: Of the music: "4/4", "2/4", or another, which is turned by rule.
    """

    name: str
    kind: str
    group: str
    make: Maker
    meter: str = "4/4"


def _songs() -> Iterator[tuple[str, str, Maker]]:
    """Multi-track songs in 4/4: melody, chords, bass, drums."""
    voice, octave = song_files.second_voice("Backing Vox", -4, 12), song_files.second_voice("Melody 2", -12)
    bends, with_parts, cello = with_bends, song_files.with_parts, song_files.counter_line
    long = Take(seed=16, tempo_map=True, lyrics="events", place=1)
    doubled, quantized = Take(seed=13, running=("thirds",)), Take(seed=6, loose=0, ticks=120, gates=(1, 1))
    bare, duo = Take(seed=15, signatures={}, key_signature=False), Take(seed=18, names=False, place=3)
    yield "pop_melody_first", "melody, piano, strings, bass, drums", a_song("pop", 1, change=bends)
    yield "pop_vocal_third", "melody third", a_song("pop", 2, Take(seed=2, place=2), bends, name="Vocal", program=53)
    yield "pop_without_names", "no track names", a_song("pop", 3, Take(seed=3, names=False))
    yield "pop_lyrics", "lyric events", a_song("pop", 4, Take(seed=4, lyrics="events"), name="Lead Vox")
    yield "pop_sloppy", "loose by 25 ms", a_song("pop", 5, Take(seed=5, loose=25))
    yield "pop_quantized_120", "a machine's timing, 120 ticks", a_song("pop", 6, quantized)
    yield "pop_two_empty_bars", "two setup bars, 384 ticks", a_song("pop", 7, Take(seed=7, ticks=384, silence=2))
    yield "pop_legato", "legato melody", a_song("pop", 8, Take(seed=8, gates=(0.96, 1.04)), name="Alto Sax", program=65)
    yield "pop_staccato", "staccato melody", a_song("pop", 9, Take(seed=9, gates=(0.3, 0.6)))
    yield "pop_backing_voice", "a second voice in thirds", a_song("pop", 10, change=with_parts(voice), name="Lead Vox")
    yield "pop_counter_line", "a cello line beside the melody", a_song("pop", 11, change=with_parts(cello))
    yield "pop_doubled", "doubled an octave lower", a_song("pop", 12, change=with_parts(octave), name="Melody 1")
    yield "pop_double_stops", "thirds here and there", a_song("pop", 13, doubled, song_files.with_double_stops)
    yield "pop_drums_on_11", "drums on channel 11", a_song("pop", 14, Take(seed=14, channels={"Drums": 10}))
    yield "pop_no_signature", "no time signature", a_song("pop", 15, bare)
    yield "pop_long", "88 bars with everything", a_song("pop", 16, long, bends, form="iAABAABCABBCBBo", name="Vocals")
    yield "pop_lead_sheet", "melody and chords", a_song("pop", 17, without=("Strings", "Bass", "Drums"))
    yield "pop_unnamed_counter", "two lines, no names", a_song("pop", 18, duo, with_parts(cello))
    yield "rock_bends", "bends, distorted guitars", a_song("rock", 19, Take(seed=19, place=3), bends, name="Lead Vox")
    yield "rock_96", "96 ticks", a_song("rock", 20, Take(seed=20, ticks=96))
    yield "rock_synth_lead", "a synth lead", a_song("rock", 21, Take(seed=21, place=1), name="LEAD SYNTH", program=81)
    yield (
        "ballad_tempo_map",
        "tempo map, bends",
        a_song("ballad", 22, Take(seed=22, tempo_map=True), bends, name="Flute"),
    )
    yield "ballad_voice", "tempo map", a_song("ballad", 23, Take(seed=23, tempo_map=True, place=1), name="Voice")
    yield "ballad_start_bar_9", "eight silent bars first", a_song("ballad", 24, Take(seed=24, silence=8))
    yield "disco", "octave bass, brass hits", a_song("disco", 25, Take(seed=25, place=2), name="Vocal")
    yield "disco_drums_on_16", "no names", a_song("disco", 26, Take(seed=26, channels={"Drums": 15}, names=False))
    yield "country", "steel guitar, fiddle", a_song("country", 27, name="Harmonica", program=22)
    yield "country_960", "960 ticks", a_song("country", 28, Take(seed=28, ticks=960), bends)
    yield "reggae", "off-beat chords", a_song("reggae", 29, Take(seed=29, place=1), name="Sax", program=65)
    yield "bossa", "nylon guitar, syncopated", a_song("bossa", 30, name="Tenor Sax", program=66)
    yield "march_band", "brass band", a_song("march", 31, name="Cornet", program=56)
    yield "reel_session", "fiddle, guitar, bodhran", a_song("reel", 32, name="Fiddle", program=40, form="AABBAABB")


def _karaoke() -> Iterator[tuple[str, str, Maker, str]]:
    for style, seed, lyrics, kind in (
        ("pop", 33, "soft karaoke", 1), ("ballad", 34, "soft karaoke", 1), ("country", 35, "soft karaoke", 1),
        ("disco", 36, "soft karaoke", 1), ("rock", 37, "soft karaoke", 0), ("pop", 38, "events", 0),
        ("reggae", 39, "events", 1), ("ballad", 40, "events", 1), ("waltz", 41, "soft karaoke", 1),
    ):  # fmt: skip
        take = Take(
            seed=seed, kind=kind, lyrics=lyrics, place=seed % 3, tempo_map=seed % 2 == 0, channels={"Melody": 3}
        )
        suffix = ".kar" if lyrics == "soft karaoke" else ".mid"
        made = a_song(style, seed, take, with_bends)
        yield f"karaoke_{style}_{seed}{suffix}", f"{lyrics}, type {kind}", made, "3/4" if style == "waltz" else "4/4"


def _type_0() -> Iterator[tuple[str, str, Maker, str]]:
    for k, style in enumerate(("pop", "rock", "ballad", "country", "reel", "polka")):
        take = Take(seed=42 + k, kind=0, channels={"Melody": 3})
        meter = "2/4" if style == "polka" else "4/4"
        yield f"type0_{style}.mid", "channels in one track", a_song(style, 42 + k, take), meter


def _tunes() -> Iterator[tuple[str, str, Maker, str]]:
    """As collections have them: one track, a machine's timing."""
    for k, (style, meter) in enumerate((
        ("reel", "4/4"), ("reel", "4/4"), ("march", "4/4"), ("ballad", "4/4"), ("country", "4/4"), ("polka", "2/4"),
        ("polka", "2/4"), ("waltz", "3/4"), ("waltz", "3/4"), ("jig", "6/8"), ("jig", "6/8"), ("slip jig", "9/8"),
        ("slow blues", "12/8"),
    )):  # fmt: skip
        yield f"{style.replace(' ', '_')}_{48 + k}.mid", f"a tune in {meter}", a_tune(style, 48 + k), meter
    pick_up, first = song_files.with_pick_up, song_files.opening_with_pick_up
    yield "reel_pick_up.mid", "pick-up at the end of bar 1", a_tune("reel", 64, change=pick_up), "4/4"
    yield "reel_pick_up_first.mid", "pick-up in a bar of 1/4", a_tune("reel", 65, change=first), "4/4"
    yield "reel_played.mid", "played in, bends", a_tune("reel", 66, Take(seed=66), with_bends), "4/4"


def _piano() -> Iterator[tuple[str, str, Maker, str]]:
    yield "piano_ballad.mid", "two hands, two tracks", two_hands("ballad", 67, tracks=2), "4/4"
    yield "piano_pop.mid", "two hands, two tracks", two_hands("pop", 68, tracks=2), "4/4"
    yield "piano_waltz.mid", "two hands, two tracks", two_hands("waltz", 69, tracks=2), "3/4"
    yield "piano_ballad_one_track.mid", "two hands, one track", two_hands("ballad", 70, tracks=1), "4/4"
    yield "piano_pop_one_track.mid", "two hands, one track", two_hands("pop", 71, tracks=1), "4/4"
    yield "piano_swing.mid", "swing, two tracks", two_hands("swing", 72, tracks=2), "4/4"


def _meters() -> Iterator[tuple[str, str, Maker, str]]:
    def declared(seed: int, meter: Meter, place: int = 0) -> Take:
        return Take(seed=seed, signatures={0: meter}, place=place, tempo_map=seed == 75)

    three, odd = Meter(3, 4), Meter(2, 4)
    hymn = {k: three if k % 4 == 3 else Meter(6, 4) for k in range(2, 16) if k % 4 in (2, 3)}
    bridge = dict.fromkeys(range(36, 44), three)
    sung = Take(seed=86, lyrics="events", place=1)
    yield "pop_in_1_4.mid", "4/4 declared 1/4", a_song("pop", 73, declared(73, Meter(1, 4))), "4/4"
    yield "disco_in_1_4.mid", "4/4 declared 1/4", a_song("disco", 74, declared(74, Meter(1, 4), 2)), "4/4"
    yield "rock_in_1_4.mid", "declared 1/4, tempo map", a_song("rock", 75, declared(75, Meter(1, 4))), "4/4"
    yield "ballad_in_8_4.mid", "declared 8/4", a_song("ballad", 76, declared(76, Meter(8, 4)), form="ABABCB"), "4/4"
    yield "march_in_2_2.mid", "declared 2/2", a_song("march", 77, declared(77, Meter(2, 2))), "4/4"
    yield "pop_declared_3_4.mid", "4/4 declared 3/4", a_song("pop", 78, declared(78, three)), "3/4"
    yield "hymn_mixed.mid", "4/4, 6/4 and 3/4 in turn", a_hymn(79, hymn), "mixed"
    yield "hymn_3_4.mid", "four voices in 3/4", a_hymn(80, {}, "waltz"), "3/4"
    yield "pop_odd_bar.mid", "one bar of 2/4 inside", a_song("pop", 81, meters={19: odd}), "4/4"
    yield "country_odd_bars.mid", "bars of 2/4, 3/4 inside", a_song("country", 82, meters={11: odd, 27: three}), "mixed"
    yield "pop_waltz_bridge.mid", "a bridge in 3/4", a_song("pop", 83, meters=bridge), "mixed"
    yield "take_five.mid", "5/4", a_song("take five", 84), "5/4"
    yield "waltz_band.mid", "accordion waltz with drums", a_song("waltz", 85), "3/4"
    yield "waltz_voice.mid", "waltz with lyrics", a_song("waltz", 86, sung, name="Vocal"), "3/4"
    yield "jig_band.mid", "jig with guitar", a_song("jig", 87, name="Whistle"), "6/8"
    yield "blues_band.mid", "slow blues in 12/8", a_song("slow blues", 88, change=with_bends, name="Sax"), "12/8"
    yield "polka_band.mid", "2/4 with accordion", a_song("polka", 89), "2/4"


def _ranges() -> Iterator[tuple[str, str, Maker]]:
    yield "bass_line", "a bass tune, 24 to 43", a_tune("march", 90, transpose=-38, program=58)
    yield "piccolo", "a piccolo, 86 to 107", a_tune("reel", 91, transpose=24, program=72)
    yield "runs", "runs through three octaves", a_song("pop", 92, change=song_files.with_runs)


def _timing() -> Iterator[tuple[str, str, Maker]]:
    def light(song: Song) -> Song:
        return swung(song, Fraction(58, 100))

    late, free = Take(seed=97, late=30, loose=0, controllers=False), Take(seed=99, loose=20)
    free = evolve(free, warped=song_files.without_click(free.ticks))
    pick_up, triplets = song_files.with_pick_up, song_files.with_triplets
    yield "swing_sax", "swing eighths, walking bass", a_song("swing", 93, name="Tenor Sax", program=66)
    yield "swing_light", "a light swing of 58 %", a_song("country", 94, change=light)
    yield "ballad_triplets", "quarter triplets in every second bar", a_song("ballad", 95, change=triplets)
    yield "pop_late_40", "melody 40 ticks late", a_song("pop", 96, Take(seed=96, late=40, loose=4))
    yield "reel_late_30", "a tune 30 ticks late", a_tune("reel", 97, late)
    yield "ballad_late_50", "melody 50 ticks late", a_song("ballad", 98, Take(seed=98, late=50, loose=6))
    yield "ballad_rubato", "played without a click", a_song("ballad", 99, free)
    yield "pop_pick_up", "pick-up in the bar before", a_song("pop", 100, change=pick_up, form="ABAB")
    yield "swing_pick_up", "swing with a pick-up", a_song("swing", 101, change=pick_up, form="AABA")


def _odd() -> Iterator[tuple[str, str, Maker]]:
    yield "format_2.mid", "format 2", odd_files.format_2
    yield "drums_only.mid", "drums only", odd_files.drums_only
    yield "no_notes.mid", "no notes", odd_files.no_notes
    yield "crlf_damaged.mid", "line feeds became CR LF on the way", odd_files.damaged_for_good("pop", 102)
    yield "wrong_length.mid", "last track shorter than it says", odd_files.damaged("pop", 103, odd_files.wrong_length)
    yield "wrong_count.mid", "the header says 2 tracks of 6", odd_files.damaged("country", 104, odd_files.wrong_count)
    yield "riff.rmi", "a RIFF file", odd_files.damaged("ballad", 105, odd_files.in_riff)


def _notation() -> Iterator[tuple[str, str, Maker, str]]:
    in_abc, in_music_xml, corpus_score = (
        notation_files.in_abc, notation_files.in_music_xml, notation_files.corpus_score,
    )  # fmt: skip
    yield "reel.abc", "a reel in ABC", in_abc("reel", 106), "4/4"
    yield "jig.abc", "a jig in ABC", in_abc("jig", 107), "6/8"
    yield "polka.abc", "a polka in ABC", in_abc("polka", 108), "2/4"
    sheet = in_music_xml("pop", 109, ".musicxml", without=("Strings", "Bass", "Drums"))
    yield "lead_sheet.musicxml", "melody and piano", sheet, "4/4"
    yield "song.mxl", "melody, strings, bass", in_music_xml("country", 110, ".mxl"), "4/4"
    yield "aloha_oe.mxl", "solo, choir, piano (Lili'uokalani)", corpus_score("liliuokalani/aloha_oe", 4), "4/4"
    yield "chorale.mxl", "four voices (Bach)", corpus_score("bach/bwv66.6"), "4/4"
    yield "scale.krn", "Humdrum", odd_files.of_bytes(odd_files.KERN), "4/4"
    yield "riff.gp5", "Guitar Pro", odd_files.of_bytes(odd_files.GUITAR_PRO), "4/4"


def _scores() -> Iterator[tuple[str, str, Maker, str]]:
    """Scores of music21's corpus as notation programs export them."""
    for name, path, meter in (
        ("chorale_66", "bach/bwv66.6", "4/4"), ("chorale_269", "bach/bwv269", "3/4"),
        ("foster", "leadSheet/fosterBrownHair", "4/4"), ("maple_leaf_rag", "joplin/maple_leaf_rag", "2/4"),
        ("lift_every_voice", "johnson_j_r/lift_every_voice", "6/8"),
        ("lascia", "handel/rinaldo/Lascia_chio_pianga", "3/2"), ("quartet_k156", "mozart/k156/movement4", "4/4"),
        ("sonata_k545", "mozart/k545/movement1_exposition", "4/4"),
    ):  # fmt: skip
        yield f"{name}.mid", f"{path} through music21", notation_files.corpus_export(path), meter


def _mma() -> Iterator[tuple[str, str, Maker, str]]:
    for k, (groove, chords, meter) in enumerate((
        ("PopBalladSus", "C Am F G7", "4/4"), ("BossaNova", "Dm7 G7 CM7 A7", "4/4"), ("Folk", "G C D7 G", "4/4"),
        ("CountrySwing", "G G C D7", "4/4"), ("FrenchWaltz", "C G7 G7 C", "3/4"), ("Rhumba", "Am Dm E7 Am", "4/4"),
    )):  # fmt: skip
        made = notation_files.with_mma(groove, chords, 111 + k, meter=meter)
        yield f"mma_{groove.lower()}.mid", f"groove {groove}", made, meter


def _recipes() -> Iterator[Recipe]:
    for group, plain in (("multi-track songs", _songs()), ("ranges", _ranges()), ("timing", _timing())):
        yield from (Recipe(f"{name}.mid", kind, group, make) for name, kind, make in plain)
    yield from (Recipe(name, kind, "odd and damaged files", make) for name, kind, make in _odd())
    for group, rows in (
        ("karaoke", _karaoke()), ("type 0 songs", _type_0()), ("tunes alone", _tunes()), ("piano", _piano()),
        ("time signatures", _meters()), ("notation", _notation()), ("scores as MIDI", _scores()), ("by mma", _mma()),
    ):  # fmt: skip
        yield from (Recipe(name, kind, group, make, meter) for name, kind, make, meter in rows)


RECIPES: Mapping[str, Recipe] = {recipe.name: recipe for recipe in _recipes()}
"""The suite, by name."""
