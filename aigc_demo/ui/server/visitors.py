"""Who sends a request: the secret of a browser, the host's key, and an address.

The page's script keeps a secret in the browser and sends it along; a program sends one of its own:

    Client(address, headers={"x-aigc-key": SECRET})
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from gradio.context import LocalContext

from aigc_demo import access, settings
from aigc_demo.access import Visitor

KEY, HOST_KEY = "x-aigc-key", "x-aigc-host-key"  # headers
# The keys under which a browser keeps both.
SCRIPT = """<script>
(() => {
  const plain = window.fetch;
  const stored = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  let key = stored("aigc_key");
  if (!key) {
    const bytes = crypto.getRandomValues(new Uint8Array(24));
    key = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    try { localStorage.setItem("aigc_key", key); } catch { /* for this visit alone */ }
  }
  window.fetch = (url, options) => {
    const target = new URL(url instanceof Request ? url.url : url, location.href);
    if (target.origin !== location.origin) return plain(url, options);
    const given = options?.headers ?? (url instanceof Request ? url.headers : undefined);
    const headers = new Headers(given);
    headers.set("x-aigc-key", key);
    const host = stored("aigc_host_key");
    if (host) headers.set("x-aigc-host-key", encodeURIComponent(host));
    return plain(url, { ...options, headers });
  };
})();
</script>"""

# Keep what is typed, or forget it where that is nothing, and see the page as it then is.
KEEP_HOST_KEY = """(key) => {
  localStorage.removeItem("aigc_host_key");
  if (key) localStorage.setItem("aigc_host_key", key);
  location.reload();
}"""


def current() -> Visitor:
    """Return who sent the request that is being answered."""
    request = LocalContext.request.get(None)
    if request is None:
        return access.visitor()
    return of(request.headers, address_of(request))


def of(headers: Any, address: str = "") -> Visitor:
    """Return the visitor that the headers of a request tell."""
    host_key = unquote(headers.get(HOST_KEY) or "")
    return access.visitor_with(headers.get(KEY) or "", host_key, address)


def address_of(request: Any) -> str:
    """Return the address that a request came from: what the last of ``AIGC_PROXIES`` trusted
    proxies says, else that of the connection.
    """
    proxies = settings.whole("AIGC_PROXIES")
    said = [a.strip() for a in (request.headers.get("x-forwarded-for") or "").split(",")]
    if proxies and len(said) >= proxies:
        return said[-proxies]
    return request.client.host if request.client else ""
