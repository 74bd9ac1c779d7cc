"""Start the studio: ``python app.py``, then open http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import os
import sys

from aigc_demo import settings
from aigc_demo.errors import UserError
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.ui.app import build_demo, launch_settings
from aigc_demo.ui.server import janitor

if __name__ == "__main__":
    told = "It has no flags: variables such as AIGC_PORT set it up; docs/HOSTING.md lists them."
    argparse.ArgumentParser(description=__doc__, epilog=told).parse_args()

os.umask(0o077)  # runs and uploads are for this account alone
try:
    settings.check()
    images.serve_strangers()
    studio = Studio(checkpoint.root(), runs_root=settings.folder("AIGC_RUNS"))
    demo = build_demo(studio)
except UserError as problem:
    sys.exit(f"app.py: {problem}")

if __name__ == "__main__":
    try:
        arguments = launch_settings()
        janitor.start(studio.runs_root)
        demo.launch(**arguments)
    except UserError as problem:
        sys.exit(f"app.py: {problem}")
    except OSError:
        port = arguments["server_port"]
        sys.exit(f"app.py: AIGC_PORT: port {port} is taken or not allowed; set it to another one.")
