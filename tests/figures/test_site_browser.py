"""The pages in a real browser: filters work, formulas render, no errors, no requests, no sideways scrolling."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from site_case import made  # noqa: F401

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'pages'")
BROWSER = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="needs Chromium on the path, or its path in CHROMIUM"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


class Visit:
    """A page with everything it complained of and asked for."""

    def __init__(self, browser: Any, path: Path, width: int = 1280, **options: Any) -> None:
        self.page = browser.new_context(viewport={"width": width, "height": 900}, **options).new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on(
            "console", lambda message: self.complaints.append(message.text) if message.type == "error" else None
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())


PAGES = (
    "index.html",
    "claims.html",
    "papers/dissecting-adam.html",
    "errata/dissecting-adam.html",
    "figures/index.html",
)


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_is_quiet_and_fits(browser: Any, made: Any, name: str, width: int) -> None:  # noqa: F811
    visit = Visit(browser, made[2] / name, width)
    assert visit.complaints == []
    assert [url for url in visit.requests if not url.startswith(("file:", "data:"))] == []
    unfolded = visit.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert unfolded is None
    wide = visit.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width


def test_filters_show_what_they_say(browser: Any, made: Any) -> None:  # noqa: F811
    page = Visit(browser, made[2] / "claims.html").page
    shown = lambda: page.locator("article:visible").count()  # noqa: E731
    assert shown() == 5
    page.select_option("#verdict", "corrected")
    assert shown() == 1
    page.select_option("#verdict", "")
    page.select_option("#paper", "softadam")
    assert shown() == 1
    assert page.locator("section:visible").count() == 1
    page.select_option("#paper", "")
    page.select_option("#method", "symbolic")
    by_method = shown()
    assert 0 < by_method < 5
    page.fill("#text", "no such words anywhere")
    assert shown() == 0
    assert page.locator("#shown").text_content() == "0 of 5 shown"
    page.fill("#text", "hessian-facts")
    page.select_option("#method", "")
    assert shown() == 1


def test_formulas_have_a_size(browser: Any, made: Any) -> None:  # noqa: F811
    page = Visit(browser, made[2] / "papers" / "dissecting-adam.html").page
    boxes = page.evaluate(
        "[...document.querySelectorAll('article > p math')].map(m => m.getBoundingClientRect().height)"
    )
    assert len(boxes) > 3
    assert min(boxes) > 5
    fractions = page.evaluate("[...document.querySelectorAll('mfrac')].map(m => m.getBoundingClientRect().height)")
    assert max(fractions) > 20  # two lines high: set as a fraction and not as running text


def test_a_link_to_a_claim_opens_its_evidence(browser: Any, made: Any) -> None:  # noqa: F811
    page = Visit(browser, made[2] / "papers" / "dissecting-adam.html").page
    assert page.locator("article > details[open]").count() == 0
    page.evaluate("location.hash = 'dissecting-adam/improvement-ssd-appendix'")
    page.wait_for_selector("article > details[open]")
    assert (
        page.locator("article:has(> details[open])").get_attribute("id") == "dissecting-adam/improvement-ssd-appendix"
    )


def test_the_keyboard_reaches_content_and_filters(browser: Any, made: Any) -> None:  # noqa: F811
    page = Visit(browser, made[2] / "claims.html").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"text", "paper", "verdict", "method"} <= reached


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(browser: Any, made: Any, scheme: str) -> None:  # noqa: F811
    page = Visit(browser, made[2] / "index.html", color_scheme=scheme).page
    luminance = """color => { const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
        .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b; }"""
    ground = 1.0 if scheme == "light" else page.evaluate(f"({luminance})('rgb(30, 30, 30)')")
    for selector in ("p", ".badge.proved", ".badge.corrected", "a"):
        text = page.evaluate(f"s => ({luminance})(getComputedStyle(document.querySelector(s)).color)", selector)
        contrast = (max(text, ground) + 0.05) / (min(text, ground) + 0.05)
        assert contrast >= 4.5, (selector, contrast)
