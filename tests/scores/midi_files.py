"""Valid MIDI files of every kind, drawn by hypothesis; made byte by byte, with no library."""

from hypothesis import strategies as st


def number(value, padding=0):
    """A number of variable length, with leading zeros that a file may have."""
    out = [value & 0x7F]
    while value := value >> 7:
        out.append(value & 0x7F | 0x80)
    return bytes([*[0x80] * min(padding, 4 - len(out)), *reversed(out)])


def chunk(kind, body):
    """A chunk."""
    return kind + len(body).to_bytes(4, "big") + body


def header(kind, tracks, division=480):
    """The header of a file."""
    return chunk(b"MThd", bytes([0, kind, 0, tracks]) + division.to_bytes(2, "big"))


def track(events):
    """A track of (tick, bytes) that ends with its last event."""
    body, now = b"", 0
    for tick, event in events:
        body += number(tick - now) + event
        now = tick
    return chunk(b"MTrk", body + b"\0\xff\x2f\0")


data = st.integers(0, 127)
channels = st.integers(0, 15)
metas = st.tuples(st.sampled_from([1, 2, 3, 4, 5, 6, 7, 0x7F]), st.binary(max_size=9)).map(
    lambda meta: bytes([0xFF, meta[0]]) + number(len(meta[1])) + meta[1]
)
tempos = st.integers(1, 2**24 - 1).map(lambda micros: b"\xff\x51\x03" + micros.to_bytes(3, "big"))
keys = st.sampled_from([b"\xff\x59\x02\xfd\x01", b"\xff\x59\x02\x07\x00"])
sysex = st.lists(data, max_size=6).map(lambda body: b"\xf0" + number(len(body) + 1) + bytes(body) + b"\xf7")
controls = st.builds(
    lambda kind, channel, a, b: bytes([kind << 4 | channel, a, b][: 2 if kind in (0xC, 0xD) else 3]),
    st.sampled_from([0xA, 0xB, 0xC, 0xD, 0xE]),
    channels,
    data,
    data,
)
note_events = st.builds(
    lambda kind, channel, pitch, velocity: bytes([kind | channel, pitch, velocity]),
    st.sampled_from([0x80, 0x90]),
    channels,
    data,
    data,
)
other_events = st.one_of(metas, tempos, keys, sysex, controls)


@st.composite
def bodies(draw):
    """The body of a track: any events, running status here and there, also over meta events."""
    body, running = b"", 0
    for event in draw(st.lists(st.one_of(note_events, controls, other_events), max_size=12)):
        body += number(draw(st.integers(0, 3000)), draw(st.integers(0, 3)))
        if event[0] == running and draw(st.booleans()):
            body += event[1:]
        else:
            body += event
        running = event[0] if event[0] < 0xF0 else running
    return body + number(draw(st.integers(0, 3000))) + b"\xff\x2f\0"


@st.composite
def files(draw):
    """A whole file, with chunks that MIDI does not know; perhaps in a RIFF file."""
    tracks = draw(st.lists(bodies(), min_size=1, max_size=3))
    out = header(draw(st.integers(0, 1)), len(tracks), draw(st.integers(1, 32767)))
    for body in tracks:
        if draw(st.booleans()):
            out += chunk(b"XFIH", draw(st.binary(max_size=6)))
        out += chunk(b"MTrk", body)
    if draw(st.booleans()):
        size = len(out).to_bytes(4, "little")
        padded = b"RMIDdata" + size + out + b"\0" * (len(out) % 2)
        out = b"RIFF" + len(padded).to_bytes(4, "little") + padded
    return out


@st.composite
def songs(draw):
    """
    A file that every reader takes: (bytes, division).

    Notes of one pitch and channel do not overlap, and those of one track do not share a channel with another's.
    """
    division = draw(st.sampled_from([24, 96, 480, 960]))
    tempos_at = draw(st.dictionaries(st.integers(0, 4000), st.integers(200_000, 2_000_000), max_size=3))
    signatures = draw(st.dictionaries(st.integers(0, 4), st.tuples(st.integers(1, 12), st.integers(0, 4)), max_size=3))
    head = [(tick, b"\xff\x51\x03" + micros.to_bytes(3, "big")) for tick, micros in tempos_at.items()]
    head += [(bar * 4 * division, b"\xff\x58\x04" + bytes([*beat, 24, 8])) for bar, beat in signatures.items()]
    tracks = [track(sorted(head))]
    for channel in range(draw(st.integers(1, 3))):
        events = [(0, bytes([0xC0 | channel, draw(data)]))]
        for pitch in draw(st.lists(data, min_size=1, max_size=3, unique=True)):
            now = 0
            for wait, length in draw(st.lists(st.tuples(st.integers(0, 900), st.integers(1, 900)), max_size=4)):
                velocity = draw(st.integers(1, 127))
                events.append((now + wait, bytes([0x90 | channel, pitch, velocity])))
                now += wait + length
                off = bytes([0x90 | channel, pitch, 0]) if draw(st.booleans()) else bytes([0x80 | channel, pitch, 64])
                events.append((now, off))
        # An end stands before a start on its tick.
        events.sort(key=lambda event: (event[0], event[1][0] >> 4 == 9 and event[1][2] > 0))
        tracks.append(track(events))
    return header(1, len(tracks), division) + b"".join(tracks)
