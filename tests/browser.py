"""A Chromium that may talk to one server only: whatever else it asks for, and every error it notes, fails the test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.served import PASSWORD, Served

SCREENSHOTS = Path(__file__).resolve().parents[1] / ".screenshots"
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
_PATIENCE_MS = 20_000
_INK_EVERY_MS = 100
"""reading millions of pixels on every frame leaves the page no time to draw them"""
_OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# What stands on the canvases: how many pixels have exactly one colour, and where their middle is on the page.
_INK = """(name) => {
  const named = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  const wanted = named || name;
  const [r, g, b] = [1, 3, 5].map((i) => parseInt(wanted.slice(i, i + 2), 16));
  let n = 0, x = 0, y = 0;
  for (const canvas of document.querySelectorAll(".leaflet-tile-container canvas")) {
    if (!canvas.width) continue;
    const box = canvas.getBoundingClientRect();
    const { data, width } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    for (let i = 0; i < data.length; i += 4) {
      if (data[i] !== r || data[i + 1] !== g || data[i + 2] !== b || data[i + 3] !== 255) continue;
      n += 1;
      x += box.x + ((i / 4) % width) * (box.width / width);
      y += box.y + Math.floor(i / 4 / width) * (box.height / canvas.height);
    }
  }
  return { n, x: x / n, y: y / n };
}"""


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser without the network services of its own."""
    expect.set_options(timeout=_PATIENCE_MS)
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is part of the test tools: make test installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_OPTIONS)
        yield browser
        browser.close()


class Looking:
    """A signed-in person in front of the map."""

    def __init__(self, page: Page, site: Served) -> None:
        self.page = page
        self.site = site
        self.errors: list[str] = []
        self.foreign: list[str] = []
        self.signed_in: list[Any] = []
        """the cookies of somebody who has just signed in"""
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._watch)

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _watch(self, request: Request) -> None:
        if not request.url.startswith((self.site.url, "data:", "blob:")):
            self.foreign.append(request.url)

    def open(self, address: str = "/") -> None:
        """Go to an address of the map and wait until it is drawn."""
        self.page.goto("about:blank")
        self.page.goto(self.site.url + address)
        self.drawn()

    def drawn(self) -> None:
        """Wait until the tiles asked for are on the canvas."""
        self.page.wait_for_selector(".folium-map[aria-busy='false']")

    def ink(self, colour: str) -> int:
        """How many pixels of the map have exactly a colour: `#rrggbb`, or its name in app.css."""
        return int(self.page.evaluate(_INK, colour)["n"])

    def ink_at(self, colour: str) -> tuple[float, float]:
        """The middle of these pixels on the page."""
        found = self.page.evaluate(_INK, colour)
        return found["x"], found["y"]

    def wait_for_ink(self, colour: str, condition: str) -> None:
        """Wait until the number of pixels of a colour meets a condition, as `n > 0`."""
        self.page.wait_for_function(
            f"() => {{ const {{ n, x, y }} = ({_INK})('{colour}'); return {condition}; }}",
            polling=_INK_EVERY_MS,
        )

    def ask(self, address: str) -> Any:
        """What the server answers this person."""
        return self.page.evaluate("(address) => fetch(address).then((a) => a.json())", address)

    def picture(self, name: str) -> None:
        """Keep what is seen now for people to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.evaluate("() => document.fonts.ready.then(() => true)")
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    @contextmanager
    def turn(self, first: str | None = None) -> Iterator["Looking"]:
        """One test's turn at a page that a file's tests share, at the map's address wanted first.

        Everything was clean at its end, and nothing is left for the next one; the person stays signed in.
        A page of its own costs a test more than a second of a processor.
        """
        if first is not None:
            self.open(first)
        yield self
        try:
            self.clean()
        finally:
            self.errors.clear()
            self.foreign.clear()
            self.page.evaluate("() => localStorage.clear()")
            self.page.goto("about:blank")
            self.page.emulate_media(media="null", color_scheme="null")
            self.page.context.clear_cookies()
            self.page.context.add_cookies(self.signed_in)

    def clean(self) -> None:
        """Nothing was asked of another host, and nothing went wrong."""
        assert self.foreign == []
        assert self.errors == []


@contextmanager
def looking(
    chromium: Browser,
    site: Served,
    name: str,
    size: dict[str, int],
    password: str = PASSWORD,
    first: str = "/",
) -> Iterator[Looking]:
    """A person signed in through the form, on a desk or a phone, at the address wanted first: a map costs seconds.

    At the end everything was clean.
    """
    phone = size == PHONE
    context = chromium.new_context(
        viewport={"width": size["width"], "height": size["height"]},
        has_touch=phone,
        device_scale_factor=2 if phone else 1,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    try:
        page = context.new_page()
        page.set_default_timeout(_PATIENCE_MS)
        person = Looking(page, site)
        page.goto(f"{site.url}/login?next={quote(first, safe='')}")
        page.fill("input[name=name]", name)
        page.fill("input[name=password]", password)
        page.click("main button")
        page.wait_for_url(lambda address: urlsplit(address).path == urlsplit(first).path)
        person.signed_in = page.context.cookies()
        if page.locator(".folium-map").count():
            person.drawn()
        yield person
        person.clean()
    finally:
        context.close()
