"""Every input has an output of its own."""

from __future__ import annotations

import unicodedata

from aigc_demo.imaging.output_names import Different, key, output_names


def test_inputs_that_differ_in_their_ending_alone_keep_it() -> None:
    given = ["holiday.jpg", "other.jpg", "holiday.PNG", "holiday.webp"]
    assert output_names(given) == ["holiday-jpg", "other", "holiday-png", "holiday-webp"]


def test_folders_become_part_of_the_name_and_lead_nowhere() -> None:
    given = ["a/same.png", "b/same.png", "../../up/same.png", "/abs.png", "c\\d.png"]
    assert output_names(given) == ["a-same", "b-same", "up-same", "abs", "c-d"]


def test_no_two_names_are_one_file_on_any_system() -> None:
    accent = "café.png"
    given = ["A.png", "a.PNG", "a.png", "a-2.png", "a/b.png", "a-b.png", "", "..", "picture.png"]
    given += ["é" * 300 + ".png", "x" + "é" * 300 + ".png", "Straße.png", "STRASSE.png"]
    given += [unicodedata.normalize("NFC", accent), unicodedata.normalize("NFD", accent)]
    names = output_names(given)
    assert all(names) and len(set(map(key, names))) == len(given)
    assert all(len(f".{name}-99-2.png".encode()) < 220 and "/" not in name for name in names)


def test_many_names_that_are_alike_cost_no_more_than_others() -> None:
    asked = []

    def key(name: str) -> str:
        asked.append(name)
        return name

    different = Different(["a", "a-3"], key=key)
    made = [different.name("a") for _ in range(500)]
    assert made[:3] == ["a-2", "a-4", "a-5"] and len(set(made)) == 500
    assert len(asked) < 5 * 500
