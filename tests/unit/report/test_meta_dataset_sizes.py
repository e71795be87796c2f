"""Tables and figure of losses by training rows."""

import numpy as np

from foretune.metadata.sizes import SizeCurve
from foretune.report.meta_dataset_sizes import draw_sizes, size_tables


def curve(model, values, dataset="d", zero_shot=9.0):
    rows = 100.0 * 2.0 ** np.arange(len(values))
    return SizeCurve(dataset, model, "test_loss", zero_shot, tuple(map(str, rows)), rows, np.array(values))


def test_a_table_has_a_row_a_model_and_columns_for_a_few_sizes():
    long, short = curve("org/one", [5.0, 4.0, 3.0, 2.0, 1.5, 1.25, 1.0]), curve("two", [4.0, 3.5, 3.0], zero_shot=None)
    (table,) = size_tables([long, short])
    assert table.title == "d by training rows"
    assert [column.header for column in table.columns] == ["model", "zero-shot", "100", "400", "1,600", "6,400"]
    rows = list(zip(*(column.cells for column in table.columns), strict=True))
    assert rows == [("one", "9.000", "5.000", "3.000", "1.500", "1.000"), ("two", "", "4.000", "3.000", "", "")]
    assert table.caption == "test_loss before training and at 4 of 7 sizes, one run each"


def test_every_dataset_has_a_table_and_a_panel_and_a_model_one_color():
    curves = [curve("one", [3.0, 2.0, 1.0]), curve("two", [4.0, 3.0, 2.0]), curve("two", [3.0, 2.5, 2.0], "e")]
    assert [table.title for table in size_tables(curves)] == ["d by training rows", "e by training rows"]
    figure = draw_sizes(curves)
    first, second = figure.axes
    assert [axes.get_title("left") for axes in (first, second)] == ["d", "e"]
    assert np.asarray(first.lines[0].get_xydata()).tolist() == [[100.0, 3.0], [200.0, 2.0], [400.0, 1.0]]
    assert first.lines[1].get_color() == second.lines[0].get_color() != first.lines[0].get_color()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["one", "two"]  # the least end first


def test_without_curves_there_is_nothing():
    assert size_tables([]) == []
    assert draw_sizes([]) is None
