"""The drawing board: values that travel, and files that are made to fit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadImage
from aigc_demo.imaging import facade_labels
from aigc_demo.ui.translate import label_map_editor


def test_a_label_map_survives_the_board() -> None:
    value = label_map_editor.encode(facade_labels.example())
    assert label_map_editor.decode(value).tobytes() == facade_labels.example().tobytes()


def test_label_maps_have_the_exact_colours_of_the_classes() -> None:
    known = set(facade_labels.CLASSES.values())
    assert len(known) == len(facade_labels.CLASSES) == 12
    for made in (facade_labels.example(), facade_labels.blank()):
        assert made.size == (128, 128)
        assert {colour for _, colour in made.getcolors()} <= known
    assert len(facade_labels.example().getcolors()) >= 8


def test_a_file_gets_the_size_and_the_colours_of_the_board() -> None:
    blurred = facade_labels.example().resize((300, 200), Image.Resampling.BICUBIC)
    made = label_map_editor.fit(blurred)
    assert {colour for _, colour in made.getcolors()} <= set(facade_labels.CLASSES.values())
    beside = made.getpixel((64, 3))  # the file is not square
    assert beside == facade_labels.CLASSES["background"]
    large = facade_labels.example().resize((512, 512), Image.Resampling.NEAREST)
    exact = np.asarray(label_map_editor.fit(large))
    assert np.array_equal(exact, np.asarray(facade_labels.example()))
    with pytest.raises(BadImage, match=r"^plan: .*;"):
        label_map_editor.fit(Image.fromarray(data.chelsea()[:44, :60]))


def test_the_board_names_all_classes_in_both_languages() -> None:
    html = label_map_editor._html()
    assert set(label_map_editor.CHINESE) == set(facade_labels.CLASSES)
    for name, chinese in label_map_editor.CHINESE.items():
        assert f">{name}<" in html and chinese in html
