import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import pyarrow as pa
import pytest

from pipelines.render.charts import NARROW, alt_text, chart_data, chart_png, chart_svg, value_text
from tieout.errors import InvalidInput, TieoutError
from tieout.model import Chart

ROWS = {"bars": pa.table({"x": ["a", "b"], "y": [1.0, None], "z": [-2e9, 3e9]})}
CHART = Chart("c1", "Title", "bar", 'SELECT x, y AS "Sales", z AS "Cash" FROM bars ORDER BY x', "USD")


@pytest.fixture(scope="module")
def charts(case):
    return [c for section in case.report.draft.sections for c in section.charts]


def test_a_line_chart_is_told_in_words(case, charts):
    words = alt_text(chart_data(charts[1], case.rows))
    assert words.startswith("Line chart: Apple and the S&P 500")
    assert "from 23 September 2022" in words
    assert "Apple starts at 100.0 and ends at" in words


def test_a_bar_chart_is_told_with_all_its_values(case, charts):
    words = alt_text(chart_data(charts[0], case.rows))
    assert "Net sales: 2020 274.5 billion USD, 2021 365.8 billion USD, 2022 394.3 billion USD." in words


def test_svg_holds_no_script_style_date_or_outside_reference(case, charts):
    for chart in charts:
        drawing = chart_svg(chart_data(chart, case.rows), themed=True)
        root = ElementTree.fromstring(drawing)
        tags = {node.tag.rpartition("}")[2] for node in root.iter()}
        assert tags <= {"svg", "g", "path", "text", "defs", "use", "clipPath", "rect"}
        for node in root.iter():
            for name, value in node.attrib.items():
                assert name != "style"
                assert not name.startswith("on")
                assert name != "href" or value.startswith("#")
        assert "var(--s1)" in drawing
        assert "var(--ink)" in drawing
        assert "#0067a5" not in drawing
        assert not re.search(r"20\d\d-\d\d-\d\dT", drawing)


def test_references_inside_a_drawing_resolve_and_differ_between_drawings(case, charts):
    data = chart_data(charts[0], case.rows)
    first, second = chart_svg(data, prefix="a"), chart_svg(data, prefix="b")
    for drawing in (first, second):
        ids = set(re.findall(r'\bid="([^"]+)"', drawing))
        used = set(re.findall(r"url\(#([^)]+)\)", drawing)) | set(re.findall(r'href="#([^"]+)"', drawing))
        assert used <= ids
    assert not set(re.findall(r'\bid="([^"]+)"', first)) & set(re.findall(r'\bid="([^"]+)"', second))


def test_the_same_rows_draw_the_same_bytes_in_any_thread(case, charts):
    data = chart_data(charts[0], case.rows)
    before = dict(matplotlib.rcParams)
    with ThreadPoolExecutor(4) as pool:
        drawings = set(pool.map(lambda _: chart_svg(data, NARROW), range(4)))
        pictures = set(pool.map(lambda _: chart_png(data), range(4)))
    assert len(drawings) == len(pictures) == 1
    assert dict(matplotlib.rcParams) == before


def test_a_chart_without_rows_is_left_out():
    assert chart_data(replace(CHART, sql="SELECT x, y FROM bars WHERE false"), ROWS) is None


def test_gaps_and_negative_values_are_drawn_as_such():
    data = chart_data(CHART, ROWS)
    assert data.series == (("Sales", (1.0, None)), ("Cash", (-2e9, 3e9)))
    assert "−2.0 billion USD" in alt_text(data)
    assert chart_png(data).startswith(b"\x89PNG")


def test_sql_that_fails_names_the_chart():
    with pytest.raises(TieoutError, match="'Title'"):
        chart_data(replace(CHART, sql="SELECT nothing FROM nowhere"), ROWS)


def test_too_few_columns_are_refused():
    with pytest.raises(InvalidInput, match="1 columns"):
        chart_data(replace(CHART, sql="SELECT x FROM bars"), ROWS)


def test_sql_of_a_chart_reaches_no_file(tmp_path):
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TieoutError):
        chart_data(replace(CHART, sql=f"SELECT * FROM read_csv('{tmp_path}/secret.csv')"), ROWS)


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "$\\frac{1}{2}$ & $x", '"><img src=x>', "a\x00\u202eb", "_x"]
)
def test_hostile_words_are_shown_as_they_are(title):
    chart = replace(CHART, title=title, sql=CHART.sql.replace("Sales", title.replace('"', '""').replace("\x00", "")))
    data = chart_data(chart, ROWS)
    root = ElementTree.fromstring(chart_svg(data))
    assert {node.tag.rpartition("}")[2] for node in root.iter()} <= {
        "svg",
        "g",
        "path",
        "text",
        "defs",
        "use",
        "clipPath",
        "rect",
    }
    assert chart_png(data).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (394_328_000_000, "USD", "394.3 billion USD"),
        (0.433, "fraction", "43.3 %"),
        (-0.05, "fraction", "−5.0 %"),
        (108.24, "index", "108.2"),
    ],
)
def test_values_are_labelled_in_their_unit(value, unit, text):
    assert value_text(value, unit) == text
