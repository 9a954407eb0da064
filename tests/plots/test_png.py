import struct
import sys

import numpy as np
import pytest

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY, REST
from latentknobs.errors import ClipError, UsageError
from latentknobs.plots import ClipsOnModes, draw_mean_change, draw_rolls, draw_spectrum


def grid(rows, columns):
    """Clips that rise from row to row and get busier from column to column, the last one silent."""
    cells = [
        [MELODY.tokens(Note(8 * i, 60 + 2 * r + i, c + 1) for i in range(4)) for c in range(columns)]
        for r in range(rows)
    ]
    cells[-1][-1] = np.full(32, REST, dtype=np.int16)
    return np.array(cells)


def size(path):
    """Width and height of a PNG."""
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert b"Software" not in data
    return struct.unpack(">II", data[16:24])


@pytest.mark.parametrize(("rows", "columns"), [(5, 5), (1, 4), (3, 1), (1, 1)])
def test_a_grid_of_any_size_is_one_picture(tmp_path, rows, columns):
    """Rows and columns of clips become one PNG that grows with them."""
    draw_rolls(grid(rows, columns), MELODY, tmp_path / "grid.png", title="From A to B")

    width, height = size(tmp_path / "grid.png")
    assert width > 300 * columns
    assert height > 190 * rows


def test_the_same_clips_give_the_same_bytes(tmp_path):
    """A picture holds no date and no version."""
    for name in ("a.png", "b.png"):
        draw_rolls(grid(2, 2), MELODY, tmp_path / name)
        draw_mean_change(np.arange(12.0).reshape(3, 4), (1, 2, 3), tmp_path / f"knob-{name}")

    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "knob-a.png").read_bytes() == (tmp_path / "knob-b.png").read_bytes()


@pytest.mark.parametrize("selected", [(), (3, 5)])
def test_the_mean_change_is_one_picture(tmp_path, selected):
    """Any number of amounts and dimensions, of either sign, becomes one PNG."""
    change = np.random.default_rng(0).normal(size=(4, 128))
    draw_mean_change(change, (1, 2, 3, 4), tmp_path / "k.png", title="note-split", unit="doublings", selected=selected)

    assert size(tmp_path / "k.png") == (1650, 1080)


def test_a_spectrum_is_one_picture(tmp_path):
    """Eigenvalues, alone or with clips of which some names have none, become one PNG, the same each time."""
    rng = np.random.default_rng(0)
    values, shares = np.exp(1j * np.linspace(0, np.pi, 5)), np.linspace(0, 1, 5)
    on = ClipsOnModes(
        np.exp(1j * np.arange(20)),
        np.arange(20) % 2,
        ("a", "b", "c"),
        (0, 1, 2),
        rng.normal(size=20),
        rng.normal(size=20),
    )
    for name in ("a.png", "b.png"):
        draw_spectrum(values, shares, 12, tmp_path / name, title="pitch")
        draw_spectrum(values, shares, 12, tmp_path / f"clips-{name}", clips=on)

    assert size(tmp_path / "a.png") == (1050, 1050)
    assert size(tmp_path / "clips-a.png") == (2700, 1050)
    for name in ("", "clips-"):
        assert (tmp_path / f"{name}a.png").read_bytes() == (tmp_path / f"{name}b.png").read_bytes()
    with pytest.raises(UsageError, match="a share each"):
        draw_spectrum(values, shares[:3], 12, tmp_path / "c.png")


def test_drawing_leaves_no_figure_behind(tmp_path, monkeypatch):
    """Nothing is drawn through pyplot's global state."""
    monkeypatch.delitem(sys.modules, "matplotlib.pyplot", raising=False)
    draw_rolls(grid(1, 1), MELODY, tmp_path / "a.png")

    assert "matplotlib.pyplot" not in sys.modules


def test_a_picture_is_not_written_over_a_file(tmp_path):
    """Pictures overwrite only when told to."""
    (tmp_path / "a.png").write_bytes(b"mine")

    with pytest.raises(UsageError, match="exists already"):
        draw_rolls(grid(1, 1), MELODY, tmp_path / "a.png")
    draw_rolls(grid(1, 1), MELODY, tmp_path / "a.png", overwrite=True)
    size(tmp_path / "a.png")


def test_arrays_that_cannot_be_drawn_are_refused(tmp_path):
    """A wrong shape is an error that names it."""
    with pytest.raises(ClipError, match=r"\(5, 32\)"):
        draw_rolls(np.zeros((5, 32), dtype=np.int16), MELODY, tmp_path / "a.png")
    with pytest.raises(UsageError, match="2 amounts"):
        draw_mean_change(np.zeros((3, 128)), (1, 2), tmp_path / "a.png")
