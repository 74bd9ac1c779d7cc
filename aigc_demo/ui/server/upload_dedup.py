"""A script for the page: the same picture is uploaded once.

After each message of any event, Gradio's page asks every component that took part in one for its
value. An image editor answers by uploading its canvas as three files, dozens of times for a click,
mostly the same ones. The script answers for those that have just been uploaded.
"""

from __future__ import annotations

ONCE = """<script>
(() => {
  const plain = window.fetch, sent = new Map(), minutes = 10, most = 64;
  const digest = async (file) => {
    let hash = 2166136261;  // FNV-1a
    for (const byte of new Uint8Array(await file.arrayBuffer()))
      hash = Math.imul(hash ^ byte, 16777619);
    return `${file.name} ${file.size} ${hash}`;
  };
  window.fetch = async (url, options) => {
    const body = options && options.body;
    // Files that somebody chooses have an upload_id; what the page sends by itself has none.
    if (!(body instanceof FormData) || !/\\/upload(\\?|$)/.test(url) || /upload_id/.test(url))
      return plain(url, options);
    const files = body.getAll("files");
    if (files.some((file) => !(file instanceof Blob))) return plain(url, options);
    const key = (await Promise.all(files.map(digest))).join();
    const known = sent.get(key);
    if (known && Date.now() - known.at < minutes * 60000) {
      const answer = await known.answer.catch(() => null);
      if (answer && answer.ok) return answer.clone();
    }
    const answer = plain(url, options);
    sent.set(key, { at: Date.now(), answer });
    if (sent.size > most) sent.delete(sent.keys().next().value);
    return (await answer).clone();
  };
})();
</script>"""
