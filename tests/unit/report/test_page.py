"""The page in a browser; skipped where there is no Chromium."""

import shutil

import pytest

from softlabels.report.page import write_report

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no chromium is installed")
    with playwright.sync_playwright() as engine:
        found = engine.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


def test_no_table_loses_columns_at_1100_pixels_and_the_page_never_scrolls_sideways(
    browser, make_sweep
):
    modified = {"name": "modified_soft", "options": {"alpha": 0.75}}
    rows = {"hard / clear": modified, "modified soft / clear + ambiguous": modified}
    folder = make_sweep(rows=rows, groups="ab")
    write_report(folder)
    page = browser.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(error))
    for width in (1100, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto((folder / "report.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        boxes = page.eval_on_selector_all(
            ".scroll", "boxes => boxes.map(box => box.scrollWidth - box.clientWidth)"
        )
        assert boxes
        assert width < 1100 or set(boxes) == {0}
    assert not errors
