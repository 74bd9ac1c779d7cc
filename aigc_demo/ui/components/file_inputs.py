"""Components that files arrive through: a handler gets their paths, and nothing is opened here.

Gradio's own decode a picture before any handler runs, of any format and size that Pillow takes,
and leave an empty file beside each upload. Pictures are opened by `imaging.images` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.gallery import GalleryData, GalleryVideo
from gradio.components.imageslider import SliderData
from gradio.data_classes import FileData, ImageData, ListFiles

from aigc_demo.errors import BadValue

Captioned = tuple[str | None, str | None]


def path_of(file: FileData | ImageData | None) -> str | None:
    """Return the path of a file, None where there is none; raises BadValue for a folder, which
    may hold what belongs to others.
    """
    if file is None or not file.path:
        return None
    if Path(file.path).is_dir():
        raise BadValue("file: a folder has arrived; send the file itself.")
    return file.path


def paths_of(files: ListFiles | FileData | None) -> list[str] | str | None:
    """Return the path of a file, or those of several."""
    if isinstance(files, ListFiles):
        return [path for file in files.root if (path := path_of(file))]
    return path_of(files)


class File(gr.File):
    """Files whose kinds are told by their content, where they are read."""

    is_template = True  # to the browser it is Gradio's

    def preprocess(self, payload: ListFiles | FileData | None) -> list[str] | str | None:
        """Return the paths."""
        return paths_of(payload)


class UploadButton(gr.UploadButton):
    """A button that takes files."""

    is_template = True

    def preprocess(self, payload: ListFiles | FileData | None) -> list[str] | str | None:
        """Return the paths."""
        return paths_of(payload)


class Image(gr.Image):
    """A picture."""

    is_template = True

    def preprocess(self, payload: ImageData | None) -> str | None:
        """Return the path."""
        return path_of(payload)


class ImageSlider(gr.ImageSlider):
    """A picture before and after."""

    is_template = True

    def preprocess(self, payload: SliderData | None) -> tuple[str | None, str | None] | None:
        """Return both paths."""
        if payload is None or payload.root is None:
            return None
        before, after = payload.root
        return path_of(before), path_of(after)


class Gallery(gr.Gallery):
    """Pictures with captions."""

    is_template = True

    def preprocess(self, payload: GalleryData | None) -> list[Captioned] | None:
        """Return the path and the caption of each."""
        if payload is None or not payload.root:
            return None

        def file_in(item: Any) -> FileData | ImageData:
            return item.video if isinstance(item, GalleryVideo) else item.image

        return [(path_of(file_in(item)), item.caption) for item in payload.root]
