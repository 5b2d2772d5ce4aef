"""The pages in a browser; skipped where there is no Chromium."""

import shutil

import numpy as np
import pytest
import soundfile

from softlabels import get_encoder
from softlabels.report.audit import audit_votes
from softlabels.report.audit_page import write_audit_page
from softlabels.report.page import write_report
from softlabels.report.run_page import write_run_page
from softlabels.training.brain import Predictions
from softlabels.training.results import score
from softlabels.votes import Ballots

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=f"none of {', '.join(NAMES)} is installed")
WIDTHS = (1100, 390)
HOSTILE = "<img src=x onerror='document.title=1'><script>document.title=2</script>\"'&"
MODIFIED = {"name": "modified_soft", "options": {"alpha": 0.75}}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as engine:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        found = engine.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield found
        found.close()


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, sweep_writer):
    rows = {"hard / clear": MODIFIED, "modified soft / clear + ambiguous": MODIFIED}
    folder = sweep_writer(
        tmp_path_factory.mktemp("page") / "sweep", rows=rows, groups="ab", sound=True
    )
    write_report(folder)
    return folder / "report.html"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The page of one training, with names and audio that nobody should have."""
    folder = tmp_path_factory.mktemp("run")
    manifest = {
        f"{HOSTILE}{n}": {
            "votes": [["sad"], ["sad" if n % 2 else HOSTILE], ["happy"]],
            "annotators": [HOSTILE, "b", "c"],
            "wav": str(folder / f"{n}.wav"),
        }
        for n in range(8)
    }
    for entry in manifest.values():
        soundfile.write(entry["wav"], np.zeros(4000), 8000)
    classes = ["sad", "happy"]
    log_p = np.log([[0.9, 0.1], [0.2, 0.8]] * 4).tolist()
    found = Predictions(list(manifest), ["sad", ""] * 4, log_p, [[0.5, 0.5]] * 8)
    metrics = {
        "notice": HOSTILE,
        "test": score(found, classes),
        "majority": {"class": HOSTILE, "WA": 0.5, "UA": 0.5, "macro_F1": 0.3},
        "epochs": [{"epoch": e, "loss": 1 / e, "UA": 0.5 + e / 10} for e in (1, 2, 3)],
    }
    encoder = get_encoder("soft", classes)
    of_ids = dict(zip(found.ids, log_p, strict=True))
    write_run_page(folder, HOSTILE, metrics, manifest, of_ids, encoder, "link")
    return folder / "report.html"


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """An audit's page, of items and labels that are markup."""
    file = tmp_path_factory.mktemp("audit") / "audit.html"
    votes = [[[HOSTILE], ["sad"]], [["sad"], ["sad"]]]
    ballots = Ballots.from_votes(votes, annotators=[[HOSTILE, "b"]] * 2)
    found = audit_votes(ballots, ballots.labels, alpha=0.75, agreement=2, patterns=4)
    write_audit_page(file, found, [HOSTILE, "u2"], None, "embed")
    return file


@pytest.fixture
def open_page(browser):
    """Open a page, which must neither raise an error nor ask for anything else."""
    pages, wrong = [], []

    def open_file(file, width=WIDTHS[0]):
        page = browser.new_page(viewport={"width": width, "height": 900})
        pages.append(page)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text))
        page.on(
            "request",
            lambda request: (
                request.url == file.as_uri()
                or request.url.startswith(("data:", (file.parent / "").as_uri()))
                or wrong.append(request.url)
            ),
        )
        page.goto(file.as_uri())
        return page

    yield open_file
    for page in pages:
        page.close()
    assert not wrong


def shown(page):
    return page.locator("#clips-table > tbody > tr:visible")


def names(page):
    return shown(page).locator(".name").all_inner_texts()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("file", ["sweep", "run", "audited"])
def test_a_page_opens_alone_and_never_scrolls_sideways(open_page, file, width, request):
    page = open_page(request.getfixturevalue(file), width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    boxes = page.eval_on_selector_all(
        ".scroll:not(details *)", "boxes => boxes.map(box => box.scrollWidth - box.clientWidth)"
    )
    assert boxes
    assert file != "sweep" or width < 1100 or set(boxes) == {0}  # no table loses columns


def test_a_click_and_a_key_sort_a_table_by_its_header(open_page, sweep):
    page = open_page(sweep)
    head = page.locator("#clips-table > thead th").filter(has_text="distance")
    cells = "#clips-table > tbody > tr > td:nth-child(4)"

    def order():
        return [float(text) for text in page.locator(cells).all_inner_texts()]

    assert head.get_attribute("aria-sort") is None
    before = order()
    head.get_by_role("button").click()
    assert (head.get_attribute("aria-sort"), order()) == ("descending", sorted(before)[::-1])
    head.get_by_role("button").press("Enter")
    assert (head.get_attribute("aria-sort"), order()) == ("ascending", sorted(before))
    assert before not in (sorted(before), sorted(before)[::-1])


def test_a_sorted_column_has_its_gaps_last(open_page, sweep):
    page = open_page(sweep)
    table = page.locator("table.sortable").first
    head = table.get_by_role("columnheader", name="ΔUA")
    for _ in range(2):
        head.get_by_role("button").click()
        place = head.evaluate("head => head.cellIndex + 1")
        column = table.locator(f"tbody td:nth-child({place})").all_inner_texts()
        assert [text == "–" for text in column] == sorted(text == "–" for text in column)


def test_clips_are_filtered_by_list_class_and_name(open_page, sweep):
    page = open_page(sweep)
    everything = names(page)
    count = page.locator("output")
    assert count.inner_text() == f"{len(everything)} of {len(everything)} clips"
    page.get_by_label("List").select_option("annotators disagree")
    disagreed = names(page)
    assert 0 < len(disagreed) < len(everything)
    assert all("annotators disagree" in text for text in shown(page).all_inner_texts())
    page.get_by_label("Voted for").select_option("sad")
    voted = names(page)
    assert 0 < len(voted) < len(disagreed)
    page.get_by_label("Name").fill(voted[0])
    assert names(page) == [voted[0]]
    assert count.inner_text() == f"1 of {len(everything)} clips"


PLAYS = """async player => {
  await player.play();
  await new Promise(resolve => player.addEventListener('timeupdate', resolve, { once: true }));
  return [player.readyState >= 2, player.currentTime > 0, player.duration];
}"""


def test_an_embedded_clip_plays(open_page, sweep):
    page = open_page(sweep)
    player = page.locator("audio").first
    assert player.get_attribute("src").startswith("data:audio/flac;base64,")
    assert player.evaluate(PLAYS) == [True, True, 0.5]


def test_a_linked_clip_plays_from_where_it_lies(open_page, run):
    player = open_page(run).locator("audio").first
    assert player.get_attribute("src").startswith("file:///")
    assert player.evaluate(PLAYS) == [True, True, 0.5]


def test_printed_a_page_has_every_row_and_no_player(open_page, sweep):
    page = open_page(sweep)
    everything = shown(page).count()
    page.get_by_label("Name").fill("a00")
    assert shown(page).count() < everything
    page.emulate_media(media="print")
    assert shown(page).count() == everything
    assert not page.locator("audio:visible, form:visible").count()


@pytest.mark.parametrize("file", ["run", "audited"])
def test_names_and_labels_are_shown_and_never_run(open_page, file, request):
    page = open_page(request.getfixturevalue(file))
    assert page.title().startswith("softlabels: ")
    assert HOSTILE in names(page)[0]
    assert page.locator("script").count() == 1
    assert not page.locator("img").count()
    assert HOSTILE in page.locator(".people tbody td:first-child").all_inner_texts()
