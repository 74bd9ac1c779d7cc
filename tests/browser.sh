#!/bin/sh
# Bring a browser for the tests: Debian's chromium where apt may install it, else Playwright's own.
# Usage: tests/browser.sh PYTHON. Exits with 1, and a sentence, where there is none to be had.
has_browser() {
    command -v chromium >/dev/null || "$1" - <<'PY' 2>/dev/null
from pathlib import Path
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    raise SystemExit(not Path(playwright.chromium.executable_path).is_file())
PY
}
has_browser "$1" && exit 0
if command -v apt-get >/dev/null; then
    if [ "$(id -u)" = 0 ]; then root=; else root="sudo -n"; fi
    $root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $root apt-get install -y -qq \
        chromium fonts-noto-cjk
fi >/dev/null 2>&1
has_browser "$1" && exit 0
"$1" -m playwright install chromium >/dev/null 2>&1
has_browser "$1" && exit 0
echo "The browser tests are left out: no browser could be installed; get one with" \
    "“apt-get install chromium” or “playwright install chromium”." >&2
exit 1
