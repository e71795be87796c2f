"""The page about a comparison: its values, alone in its file, and right in a browser."""

import re
from dataclasses import replace

import pytest
from browser import Page, needs_browser, seen_in_browser
from made_comparison import METHODS, made_comparison

from foretune.report.page.chart import WIDE
from foretune.report.page.comparison import comparison_page, panel
from foretune.report.plot_style import method_strokes
from foretune.report.sheet import Sheet

HOSTILE = "<script>alert('x')</script> & \"more\" </title></style>"


@pytest.fixture
def text():
    return comparison_page(made_comparison())


def test_the_page_has_the_values_of_the_comparison(text):
    page = Page(text)
    assert page.texts("h1") == ["4 methods on 2 tasks of made-up"]
    assert page.texts("dd")[:2] == ["0.10", "transfer-in-context, told apart from all others"]
    rows = page.texts("tr")
    assert "transfer-in-context 1.00" in rows
    assert "portfolio:cost_power=1 2.25 yes" in rows
    assert "random 2.75 yes" in rows
    assert "random 0.50 [0.45, 0.55]" in rows
    assert [one.get("style", "").partition(";")[0] for one in page.attributes("span") if "style" in one] == [
        "left: 0.0%", "left: 62.5%", "left: 87.5%",
    ]  # fmt: skip
    assert page.texts("figcaption") == ["easy", "hard"]
    assert page.texts("button")[0] == "zero-shot (7, not in the picture)"
    assert page.texts("li")[-1] == "Left out: the method 'transfer' cannot run here."
    assert page.texts("code") == ["foretune replay made-up --out DIR"]


def test_a_first_method_that_is_not_told_apart_is_said_to_be_so():
    made = made_comparison()
    tied = replace(made.rankings[0], groups=((0, 1), (1, 2)))
    page = Page(comparison_page(replace(made, rankings=(tied,))))
    assert page.texts("dd")[1] == "transfer-in-context, not told apart from 1 other"


def test_texts_are_at_the_left_numbers_at_the_right_and_a_table_without_rows_is_left_out():
    peers = Sheet("Peers", "", ("peer", "note", "MB"), (("one", "as released", "12"),))
    page = Page(comparison_page(made_comparison(sheets=(peers, replace(peers, title="None", rows=())))))
    assert page.texts("summary") == ["Peers"]
    columns = {text: found.get("class") for tag, found, texts in page.elements if tag == "td" for text in texts}
    assert (columns["as released"], columns["12"]) == (None, "number")


def test_curves_are_at_equal_steps_and_bands_go_there_and_back():
    drawn = panel("wide", WIDE, (0.25, 4.0), {"one": (1.0, 0.5, 0.0)}, {"one": ((0.9, 0.4, 0.0), (1.25, 0.6, 0.0))})
    points = [tuple(map(float, point.split(","))) for point in drawn.traces[0].points.split()]
    middle = (WIDE.left + WIDE.width - WIDE.right) / 2
    assert [x for x, _ in points] == [WIDE.left, middle, WIDE.width - WIDE.right]
    assert drawn.x.place(1.0) == middle, "one run is halfway from a quarter to four on a logarithmic axis"
    assert points[-1][1] == WIDE.height - WIDE.bottom
    band = [tuple(map(float, point.split(","))) for point in drawn.traces[0].band.split()]
    assert band[0] == (WIDE.left, WIDE.top)
    assert [x for x, _ in band] == [x for x, _ in points] + [x for x, _ in reversed(points)]
    assert band[-1] == (WIDE.left, drawn.y.place(0.9))


def test_methods_have_the_colors_of_the_figure_on_light_and_dark_ground(text):
    light, dark = re.findall(r"--m0: (.*?)}", text, flags=re.DOTALL)
    for name, number in zip(METHODS, range(4), strict=True):
        stroke = method_strokes(METHODS)[name]
        assert f"m{number}: {stroke.light};" in f"m0: {light}"
        assert f"m{number}: {stroke.dark};" in f"m0: {dark}"


def test_every_text_is_escaped_and_the_page_needs_nothing_else():
    made = made_comparison(table=HOSTILE, notes=(HOSTILE,), command=HOSTILE, environment={HOSTILE: HOSTILE})
    curves = {HOSTILE: replace(made.curves["random"], tasks={HOSTILE: (0.5, 0.25)})}
    text = comparison_page(replace(made, curves=curves, rankings=()))
    assert "<script>alert" not in text
    page = Page(text)
    assert len(page.attributes("script")) == 1
    assert page.texts("code") == [HOSTILE]
    assert not re.findall(r"""(?:src|href|action)\s*=|@import|url\((?!#)|https?://""", text)
    assert any("default-src 'none'" in str(one.get("content")) for one in page.attributes("meta"))


def test_the_page_can_be_read_without_seeing_it(text):
    page = Page(text)
    ids = [one["id"] for _, one, _ in page.elements if "id" in one]
    assert len(ids) == len(set(ids))
    assert all(one["aria-describedby"] in ids for one in page.attributes("div") if "aria-describedby" in one)
    assert all(one.get("aria-label") for one in page.attributes("svg") if "role" in one)
    assert all("scope" in one for one in page.attributes("th"))


def test_many_tasks_and_methods_make_a_page_that_still_opens():
    made = made_comparison()
    long = tuple([0.1234] * 134)
    one = replace(
        made.curves["random"], mean=long, low=long, high=long, tasks={f"task {at}": long[:58] for at in range(150)}
    )
    text = comparison_page(replace(made, curves={f"method {at}": one for at in range(14)}, rankings=()))
    assert len(text.encode()) < 2_500_000


PROBE = """
<script>
const chart = [...document.querySelectorAll("figure .chart")].find((one) => one.clientWidth);
const buttons = [...document.querySelectorAll(".legend button")];
const button = (name) => buttons.find((one) => one.textContent.startsWith(name));
const shown = () => [...document.querySelectorAll(".chart.small")].map((one) =>
  [...one.querySelectorAll("polyline")].filter((line) => getComputedStyle(line).display !== "none").length);
const line = chart.querySelector("polyline[data-key='3']"), box = chart.getBoundingClientRect();
const scale = box.width / chart.viewBox.baseVal.width, point = line.points[2];
const [clientX, clientY] = [box.left + point.x * scale, box.top + point.y * scale];
const at = {clientX, clientY, bubbles: true, pointerType: "touch"};
const hint = chart.closest("figure").querySelector(".hint");
chart.dispatchEvent(new PointerEvent("pointerdown", at));
chart.dispatchEvent(new PointerEvent("pointerleave", at));
const said = hint.innerText, near = [...hint.querySelector(".near").cells].map((one) => one.textContent);
const root = document.documentElement, overflow = root.scrollWidth - root.clientWidth;
document.body.dispatchEvent(new PointerEvent("pointerdown", {bubbles: true}));
const gone = hint.style.display;
button("random").click(); const hidden = shown(), pressed = button("random").ariaPressed;
button("hide all").click(); const none = shown();
button("show all").click();
parent.postMessage({
  said, near, gone, hidden, pressed, none, all: shown(), width: innerWidth, overflow,
  charts: [...document.querySelectorAll(".chart")].filter((one) => one.clientWidth).map((one) => one.classList[1]),
}, "*");
</script>
"""


@needs_browser
def test_in_a_browser_the_page_fits_and_answers(text, tmp_path):
    phone, desktop = seen_in_browser(text, PROBE, tmp_path)
    assert (phone["width"], phone["charts"]) == (390, ["narrow", "small", "small"])
    assert (desktop["width"], desktop["charts"]) == (1180, ["wide", "small", "small"])
    for seen in (phone, desktop):
        assert seen["overflow"] == 0
        assert seen["said"].startswith("after 1.00 runs")
        assert seen["near"] == ["", "transfer-in-context", "0.50 [0.45, 0.55]"]
        assert "0.75 [0.70, 0.80]" in seen["said"]
        assert seen["gone"] == "none"
        assert (seen["hidden"], seen["pressed"], seen["none"], seen["all"]) == ([3, 3], "false", [0, 0], [4, 4])
