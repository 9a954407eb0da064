import shlex

import mido
import pytest

from latentknobs.scores import read_piece, twinkle, write_piece


def lines(*tracks):
    """A file of tracks (name, program, pitches), a quarter each."""
    file = mido.MidiFile(ticks_per_beat=480)
    for channel, (name, program, pitches) in enumerate(tracks):
        track = mido.MidiTrack([mido.MetaMessage("track_name", name=name)])
        track.append(mido.Message("program_change", program=program, channel=channel))
        for pitch in pitches:
            for kind, time in (("note_on", 0), ("note_off", 480)):
                track.append(mido.Message(kind, note=pitch, velocity=70, time=time, channel=channel))
        file.tracks.append(track)
    return file


SCALE = (60, 62, 64, 65, 67, 69, 71, 72)


@pytest.fixture
def duo(tmp_path):
    """Two violins, either of which may be the melody."""
    path = tmp_path / "a duo.mid"
    lines(("Primus", 40, SCALE), ("Secundus", 40, SCALE[::-1])).save(path)
    return path


def command_of(result):
    """The arguments of the command that a refusal names."""
    line = next(line for line in result.err.splitlines() if line.startswith("  latentknobs "))
    return shlex.split(line)[1:]


def test_a_refusal_lists_the_tracks_and_one_command_that_works(cli, duo, tmp_path):
    """What it prints is a whole command line, which then does what was wanted."""
    refused = cli("turn", duo, "--model", "tiny", "-k", "pitch=+3", "-o", tmp_path / "out.mid")

    assert refused.code == 1
    assert [line.split() for line in refused.err.splitlines() if "violin" in line] == [
        ["1", "Primus", "violin", "8", "C4", "to", "C5", "100%", "<-", "most", "likely"],
        ["2", "Secundus", "violin", "8", "C4", "to", "C5", "100%"],
    ]
    command = command_of(refused)
    assert command[:2] == ["turn", str(duo)]
    assert command[-2:] == ["--track", "1"]
    assert cli(*command).code == 0
    assert [note.pitch for note in read_piece(tmp_path / "out.mid", track=1).notes] == [pitch + 3 for pitch in SCALE]
    assert [note.pitch for note in read_piece(tmp_path / "out.mid", track=2).notes] == list(SCALE[::-1])


def test_a_track_that_is_not_there_is_answered_with_those_that_are(cli, duo):
    """And with a command that takes the likeliest."""
    refused = cli("turn", duo, "--model", "tiny", "-k", "pitch=+3", "--track", "Tertius")

    assert refused.code == 1
    assert "no track is 'Tertius'" in refused.err
    assert command_of(refused)[-2:] == ["--track", "1"]
    assert "Tertius" not in command_of(refused)


def test_interpolate_names_the_option_of_the_file_that_is_refused(cli, duo, tmp_path):
    """Each of its two files has its own options."""
    write_piece(twinkle(), tmp_path / "b.mid")
    refused = cli("interpolate", tmp_path / "b.mid", duo, "--model", "tiny", "--size", "2", "-o", tmp_path / "grid")
    command = command_of(refused)

    assert command[-2:] == ["--second-track", "1"]
    assert cli(*command).code == 0


def test_only_the_melody_is_written_if_that_is_wanted(cli, tmp_path):
    """With its own velocities, program, timing and tempos, in the bars that it has in the file, and nothing beside."""
    file = lines(("Bass", 33, [36] * 8), ("Melody", 73, SCALE))
    file.tracks[0].insert(0, mido.MetaMessage("set_tempo", tempo=400_000))
    file.tracks[0].insert(4, mido.MetaMessage("lyrics", text="oh"))
    file.tracks[1][2].time = 1925
    file.save(tmp_path / "song.mid")
    words = ("turn", tmp_path / "song.mid", "--model", "tiny", "-k", "pitch=+3", "--only-melody")
    assert cli(*words, "-o", tmp_path / "out.mid").code == 0

    head, melody = mido.MidiFile(tmp_path / "out.mid").tracks
    assert [message.type for message in head] == ["set_tempo", "end_of_track"]
    assert [(message.note, message.velocity, message.time) for message in melody if message.type == "note_on"] == [
        (pitch + 3, 70, 1925 if k == 0 else 0) for k, pitch in enumerate(SCALE)
    ]
    assert [message.program for message in melody if message.type == "program_change"] == [73]


def test_bars_are_turned_and_the_others_stay(cli, tmp_path):
    """In the bars that are named, as they count in the file."""
    lines(("Tune", 73, SCALE)).save(tmp_path / "tune.mid")
    words = ("turn", tmp_path / "tune.mid", "--model", "tiny", "-k", "pitch=+3", "--bars", "2")
    result = cli(*words, "-o", tmp_path / "out.mid")

    assert result.code == 0
    assert "bar 2" in result.out
    turned = [note.pitch for note in read_piece(tmp_path / "out.mid").notes]
    assert turned == [*SCALE[:4], *(pitch + 3 for pitch in SCALE[4:])]


def test_a_waltz_is_turned_by_rule(cli, tmp_path):
    """What the model has no bars for is edited by the knob's augmentation, and counted."""
    file = lines(("Waltz", 73, SCALE[:6] * 3))
    file.tracks[0].insert(0, mido.MetaMessage("time_signature", numerator=3, denominator=4))
    file.save(tmp_path / "waltz.mid")
    result = cli("turn", tmp_path / "waltz.mid", "--model", "tiny", "-k", "pitch=+3", "-o", tmp_path / "out.mid")

    assert result.code == 0
    assert result.err.splitlines()[-1].startswith("3 clips: 0 by model, 3 by rule, 0 left alone")
    assert [note.pitch for note in read_piece(tmp_path / "out.mid").notes] == [pitch + 3 for pitch in SCALE[:6] * 3]
