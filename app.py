"""Start the studio: ``python app.py``, then open http://127.0.0.1:7860."""

from __future__ import annotations

import os
import sys

from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.ui.app import build_demo, launch_settings

studio = Studio(
    checkpoint.root(),
    runs_root=os.environ.get("AIGC_RUNS") or "runs",
)
demo = build_demo(studio)

if __name__ == "__main__":
    try:
        demo.launch(**launch_settings())
    except OSError as problem:  # the port is taken
        sys.exit(f"app.py: {problem} Set AIGC_PORT to another port.")
