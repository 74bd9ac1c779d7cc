"""The file of the picture in an editor.

An editor's canvas holds 8 bits a channel and colours that are multiplied by their opacity, and
knows only the formats of the browser. So a file that is chosen or dropped there goes to the server
as it is; the editor shows a picture of it, and gives strokes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gradio as gr
from PIL import Image, ImageChops

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.ui.components import file_inputs
from aigc_demo.ui.components.editor import EditorValue, picture_of
from aigc_demo.ui.components.pictures import png_file

ROUNDING = 4  # grey levels by which a canvas may change a picture over white

# What is chosen in an editor, or dropped on it, is handed to the upload button beside it.
SCRIPT = """<script>
(() => {
  const hand = (event, files) => {
    const editor = event.target.closest && event.target.closest("[id$=_picture]");
    const place = editor && document.querySelector(`#${editor.id}_file input[type=file]`);
    if (!place || !files || !files.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const transfer = new DataTransfer();
    transfer.items.add(files[0]);
    place.files = transfer.files;
    place.dispatchEvent(new Event("change", { bubbles: true }));
    if (event.type === "change") event.target.value = "";
  };
  addEventListener("change", (event) => {
    if (event.target.type === "file") hand(event, event.target.files);
  }, true);
  addEventListener("drop", (event) => hand(event, event.dataTransfer?.files), true);
})();
</script>"""
CSS = ".editor_file { display: none !important; }"


@dataclass(frozen=True)
class Original:
    """The file of a picture, and the file of what the editor shows of it."""

    file: str
    shown: str

    def of(self, image: Image.Image) -> Image.Image | None:
        """Return the picture of the file if `image` is what is shown of it, up to the rounding of
        a canvas; None for another picture.
        """
        shown = images.open_image(Path(self.shown))
        if shown.size != image.size:
            return None
        over_white = (images.flatten(x, "RGB", 255) for x in (shown, image))
        levels = ImageChops.difference(*over_white).getextrema()
        if max(most for _, most in levels) > ROUNDING:
            return None
        if not Path(self.file).is_file():
            raise BadValue("picture: it was here for so long that it is gone; drop it here again.")
        return images.open_image(Path(self.file))


def original(file: str) -> Original:
    """Return a picture file with what an editor shows of it."""
    shown = images.shown(images.open_image(Path(file)))
    return Original(file, png_file(shown, f"{Path(file).stem[:60]}.png"))


def source_of(editor: EditorValue | None, original: Original | None) -> Image.Image:
    """Return the picture in the editor, without strokes: of its file where that is known."""
    image = picture_of(editor)
    return (original.of(image) if original else None) or image


def file_button(editor_id: str) -> gr.UploadButton:
    """Add the button, which nobody sees, that takes the files for an editor."""
    with gr.Column(elem_id=f"{editor_id}_file", elem_classes="editor_file"):
        return file_inputs.UploadButton("file", type="filepath", elem_id=f"{editor_id}_upload")
