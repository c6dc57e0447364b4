"""Music as a MIDI file, read back by what the format's description says of one."""

import re
import struct

import numpy as np
import pytest

from rnnx.keyboard import Keyboard

RNG = np.random.default_rng(0)


def read(content):
    """Ticks of a quarter note, and all events of the one track: (time in ticks, status, data)."""
    kind, size, form, tracks, division = struct.unpack(">4sIHHH", content[:14])
    assert (kind, size, form, tracks) == (b"MThd", 6, 0, 1)
    kind, size = struct.unpack(">4sI", content[14:22])
    assert (kind, size) == (b"MTrk", len(content) - 22)
    place, now, events = 22, 0, []
    while place < len(content):
        delta = 0
        while True:
            byte = content[place]
            delta, place = delta << 7 | byte & 0x7F, place + 1
            if byte < 0x80:
                break
        now += delta
        status, place = content[place], place + 1
        assert status >= 0x80, "no running status"
        if status == 0xFF:
            status, length = 0xFF00 | content[place], content[place + 1]
            data, place = content[place + 2 : place + 2 + length], place + 2 + length
        else:
            data, place = content[place : place + 2], place + 2
        events.append((now, status, data))
    return division, events


def notes(content):
    """[(key, begin, end)] in quarter notes, sorted."""
    division, events = read(content)
    sounding, found = {}, []
    for now, status, data in events:
        if status == 0x90:
            assert data[0] not in sounding, "a key is struck that sounds"
            assert 0 < data[1] < 128
            sounding[data[0]] = now
        elif status == 0x80:
            found.append((data[0], sounding.pop(data[0]) / division, now / division))
    assert not sounding, "every note ends"
    return sorted(found)


def test_a_key_that_goes_on_sounding_is_one_note_and_one_that_pauses_is_two():
    roll = np.zeros((6, 88), bool)
    roll[0:3, 0] = True  # held over three frames
    roll[[1, 3], 39] = True  # struck, silent, struck again
    roll[5, 87] = True  # to the very end
    found = notes(Keyboard().midi(roll))
    assert found == [(21, 0, 3), (60, 1, 2), (60, 3, 4), (108, 5, 6)]
    eighths = notes(Keyboard(quarters=0.5).midi(roll))
    assert eighths == [(key, begin / 2, end / 2) for key, begin, end in found]


@pytest.mark.parametrize("quarters", [1.0, 0.5, 0.25])
def test_a_roll_comes_back_from_its_file(quarters):
    roll = RNG.random((300, 88)) < 0.3
    back = np.zeros_like(roll)
    for key, begin, end in notes(Keyboard(quarters=quarters).midi(roll)):
        back[round(begin / quarters) : round(end / quarters), key - 21] = True
    np.testing.assert_array_equal(back, roll)


@pytest.mark.parametrize(("tempo", "microseconds"), [(90.0, 666_667), (120.0, 500_000), (4.0, 15_000_000)])
def test_the_tempo_comes_first_and_the_end_last(tempo, microseconds):
    roll = np.zeros((7, 88), bool)
    roll[2, 3] = True
    division, events = read(Keyboard().midi(roll, tempo))
    assert events[0] == (0, 0xFF51, microseconds.to_bytes(3, "big"))
    assert events[-1] == (7 * division, 0xFF2F, b""), "silence after the last note is kept"
    assert [status for _, status, _ in events].count(0xFF2F) == 1


def test_where_one_note_ends_and_another_begins_the_end_comes_first():
    """So that no player has two voices where there is one."""
    roll = np.zeros((2, 88), bool)
    roll[0, 40], roll[1, 39] = True, True
    _, events = read(Keyboard().midi(roll))
    assert [status for _, status, _ in events] == [0xFF51, 0x90, 0x80, 0x90, 0x80, 0xFF2F]


def test_nothing_is_a_file_too():
    assert notes(Keyboard().midi(np.zeros((0, 88), bool))) == []


def test_keys_have_the_names_of_a_piano():
    named = {Keyboard().name(n): n + 21 for n in range(88)}
    assert {name: named[name] for name in ("A0", "C4", "F♯4", "A4", "C8")} == {
        "A0": 21, "C4": 60, "F♯4": 66, "A4": 69, "C8": 108,
    }  # fmt: skip


@pytest.mark.parametrize("tempo", [0.0, 3.9, 1001.0, float("nan"), float("inf")])
def test_a_tempo_that_no_file_can_say_is_refused(tempo):
    with pytest.raises(ValueError, match=r"^tempo must be from 4 to 1000 quarter notes a minute, not .*\.$"):
        Keyboard().midi(np.zeros((4, 88), bool), tempo)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 100}, "88 keys from 100 on: numbers of keys in MIDI end at 127."),
        ({"lowest": -1}, "lowest must be a whole number of at least 0, not -1."),
        ({"keys": 0}, "keys must be a whole number of at least 1, not 0."),
        ({"quarters": 0.0}, "quarters must be a finite number above 0, not 0.0."),
    ],
)
def test_keys_that_midi_does_not_have_are_refused(options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Keyboard(**options)
    whole = Keyboard(lowest=0, keys=128)
    assert [key for key, _, _ in notes(whole.midi(np.ones((1, 128), bool)))] == list(range(128))
