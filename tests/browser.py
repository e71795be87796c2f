"""Pages in headless Chromium, in a window as narrow as a phone and in one as wide as a desk."""

import json
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

VOID = {"meta", "br", "hr", "img", "input", "link"}
needs_browser = pytest.mark.skipif(shutil.which("chromium") is None, reason="needs the browser chromium")


class Page(HTMLParser):
    """Elements with their texts; fails where tags are not nested."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements = [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        element = (tag, dict(attrs), [])
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag
        if tag in {"td", "th"}:
            self.handle_data(" ")

    def handle_data(self, data):
        for _, _, texts in self.open:
            texts.append(data)

    def texts(self, tag):
        return [" ".join("".join(texts).split()) for name, _, texts in self.elements if name == tag]

    def attributes(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


FRAMES = """
<body><iframe src="page.html" width="390" height="900" frameborder="0"></iframe>
<iframe src="page.html" width="1180" height="900" frameborder="0"></iframe>
<script>
onmessage = (message) => document.body.append(Object.assign(document.createElement("pre"), {
  textContent: JSON.stringify(message.data) }));
</script>
"""
BROWSER = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--dump-dom"),
    "--virtual-time-budget=2000",
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--enable-logging=stderr"),
)


def seen_in_browser(page, probe, folder):
    """What `probe`, a script at the end of the page, posts to its parent: at phone width, and at desktop width.

    Fails if the console shows a message.
    """
    frames = folder / "frames.html"
    (folder / "page.html").write_text(page.replace("</body>", f"{probe}</body>"))
    frames.write_text(FRAMES)  # a window of the browser cannot be as narrow as a phone
    command = ["chromium", *BROWSER, f"--user-data-dir={folder / 'profile'}", frames.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "CONSOLE" not in done.stderr
    return sorted(map(json.loads, Page(done.stdout).texts("pre")), key=lambda seen: seen["width"])
