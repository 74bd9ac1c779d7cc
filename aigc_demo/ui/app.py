"""The whole page, and the hardened settings that it is launched with."""

from __future__ import annotations

import os
import socket
from typing import Any

import gradio as gr

from aigc_demo import settings
from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.ui.augment import tab as augment
from aigc_demo.ui.components import colour_quantisation, originals, send_to
from aigc_demo.ui.components.charts import COLOURS, PALETTE
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.generate import tab as generate
from aigc_demo.ui.i18n import I18N, TEXTS, T
from aigc_demo.ui.restore import tab as restore
from aigc_demo.ui.server import visitors
from aigc_demo.ui.server.gate import Gate
from aigc_demo.ui.server.middleware import BodyLimit
from aigc_demo.ui.server.page import EXCEPTION_HANDLERS, Page
from aigc_demo.ui.server.upload_dedup import ONCE
from aigc_demo.ui.train import tab as train
from aigc_demo.ui.translate import tab as translate

MAX_BODY_MB, MAX_UPLOAD_MB = 40, 300  # a zip of somebody's own pictures is uploaded
MAX_SESSIONS = 1000  # whose state is kept

CSS = """
.gradio-container { max-width: 1280px !important; margin: 0 auto !important; }
main.contain, .wrap, .main { min-width: 0 !important; max-width: 100vw !important; }
main.contain, .main, .main > .wrap { width: 100%; box-sizing: border-box; }
#cycle .caption-label { white-space: normal; max-width: 96%; }
@media (max-width: 640px) {
  #tabs .tab-container button { padding: 0 4px; font-size: 13px; }
  #restore_picture [data-testid="block-label"], #translate_picture [data-testid="block-label"],
  #augment_picture [data-testid="block-label"] {
    display: none;
  }
  #gallery .grid-container, #draws .grid-container, #strip .grid-container {
    grid-template-columns: repeat(2, minmax(0, 1fr)) !important;
  }
}
#gallery .grid-wrap, #compared .grid-wrap, #cycle .grid-wrap { max-height: none; }
#restore { min-height: 96px; }
#cycle .grid-wrap, #draws .grid-wrap, #strip .grid-wrap {
  height: auto; min-height: 0; max-height: none;
}
#draws button { aspect-ratio: auto; display: flex; flex-direction: column; height: auto; }
#draws button img { height: auto; }
#draws .caption-label { position: static; white-space: normal; max-width: 100%; font-size: 11px;
  text-align: left; border: 0; box-shadow: none; background: none; }
.swatches i { display: inline-block; width: 26px; height: 26px; border-radius: 5px; margin: 2px; }
.chart p { font-weight: 600; margin-bottom: -8px; }
.plot { min-height: 232px; }
.plot details, .plot .vega-actions { display: none; }
#film_picture img { width: 100%; height: 100%; object-fit: contain; image-rendering: pixelated; }
.quiet { opacity: .8; font-size: .9em; }
"""
CSS += originals.CSS
CSS += "".join(f".key-{c[1:]} {{ color: {c}; }}\n" for c in {*COLOURS.values(), *PALETTE})


def build_demo(studio: Studio) -> gr.Blocks:
    """Return the whole page for `studio`."""
    with Page(
        title=TEXTS["en"]["title"],  # a name, which the server puts into the page
        analytics_enabled=False,
        delete_cache=(3600, 3600),
        fill_width=False,
    ) as demo:
        offers = send_to.Offers()
        gr.Markdown(T("heading"), elem_id="heading")
        names = ["generate", "restore", "translate", "augment"]
        names += ["train"] * (studio.runs_root is not None)
        with gr.Tabs(elem_id="tabs") as tabs:
            pages = {n: gr.Tab(T(f"{n}_tab"), id=n, elem_id=f"tab_{n}") for n in names}
        with pages["generate"]:
            controls = generate.layout(studio, offers)
            quantisation = colour_quantisation.layout()
        # A picture that is sent to another tab would else arrive above what one sees of it.
        tabs.change(None, js="() => window.scrollTo(0, 0)", api_visibility="private")
        gallery = controls.results.gallery
        colour_quantisation.wire(studio, quantisation, gallery)
        opener = generate.wire(studio, controls, demo=demo, tabs=tabs, tab=pages["generate"])
        if "train" in pages:
            with pages["train"]:
                trainers = train.layout(offers)
        # Last, since they know the pictures of all tabs.
        with pages["augment"]:
            augmenters = augment.layout(offers, trains="train" in pages)
        with pages["translate"]:
            translators = translate.layout(studio, offers)
        with pages["restore"]:
            restorers = restore.layout(studio, offers)
        tab = pages["augment"]
        augment.wire(studio, augmenters, demo=demo, tab=tab, tabs=tabs, offers=offers)
        translate.wire(studio, translators, tab=pages["translate"], tabs=tabs, offers=offers)
        restore.wire(
            studio, restorers, tab=pages["restore"], tabs=tabs, offers=offers, gallery=gallery
        )
        if "train" in pages:
            workspace = Workspace.of(studio)
            augment.wire_training(workspace, augmenters, tab=tab, opener=trainers.opener(tabs))
            train.wire(
                workspace,
                trainers,
                demo=demo,
                tab=pages["train"],
                generate=opener,
                translate=translators.opener(studio, tabs),
            )
    return demo.queue(default_concurrency_limit=4)


def _check_host(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, 0), family=family).close()
    except OSError:
        raise BadValue(
            f"AIGC_HOST: “{host[:60]}” is no address of this computer; set it to 127.0.0.1, or to "
            "0.0.0.0 for all its networks."
        ) from None


def launch_settings() -> dict[str, Any]:
    """Return hardened arguments of ``launch``; host and port come from ``AIGC_HOST`` and
    ``AIGC_PORT``. Raises BadValue where nothing can be served there.

    On Hugging Face Spaces, Gradio's own variables name them.
    """
    host = os.environ.get("AIGC_HOST") or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    _check_host(host)
    named = "AIGC_PORT" if os.environ.get("AIGC_PORT") else "GRADIO_SERVER_PORT"
    return {
        "server_name": host,
        "server_port": settings.whole(named),
        "share": False,
        "show_error": False,
        "max_file_size": f"{MAX_UPLOAD_MB}mb",
        "allowed_paths": [],
        "ssr_mode": False,
        "run_history": False,
        "state_session_capacity": MAX_SESSIONS,
        "footer_links": ["api", "settings"],
        "i18n": I18N,
        "theme": gr.themes.Soft(
            primary_hue="indigo",
            neutral_hue="slate",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        ),
        "css": CSS,
        "head": visitors.SCRIPT + ONCE + originals.SCRIPT,
        "app_kwargs": {
            "exception_handlers": EXCEPTION_HANDLERS,
            "middleware": [
                Gate.middleware(),
                BodyLimit.middleware(MAX_BODY_MB * 1_000_000, upload=MAX_UPLOAD_MB * 1_000_000),
            ],
        },
    }
