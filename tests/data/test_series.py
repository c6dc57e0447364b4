"""Series as tables: the published ones, damaged ones, and those of one's own."""

import numpy as np
import pytest

from rnnx import data
from rnnx.data import DataError, Text
from rnnx.data._series import parse_series


def test_the_real_exchange_rates(real_data):
    rates = data.get("exchange_rate")()
    assert rates.values.shape == (7588, 8)
    assert rates.columns[1:3] == ("Britain", "Canada")
    # First and last row, read by zcat.
    first = [0.7855, 1.611, 0.861698, 0.634196, 0.211242, 0.006838, 0.593, 0.525486]
    np.testing.assert_array_equal(rates.values[0], first)
    assert rates.times == ()


def test_the_real_transformer(real_data):
    ett = data.get("ett")()
    assert ett.values.shape == (17420, 7)
    assert ett.columns == ("HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "OT")
    assert (ett.values[0, 0], ett.values[1, 6]) == (5.827000141143799, 27.78700065612793)
    assert ett.times[:2] == ("2016-07-01 00:00:00", "2016-07-01 01:00:00")


def test_the_real_sunspots(real_data):
    sunspots = data.get("sunspots")()
    assert sunspots.columns == ("YEAR", "SUNACTIVITY")
    np.testing.assert_array_equal(sunspots.values[:, 0], np.arange(1700, 2009))
    assert sunspots.values[:4, 1].tolist() == [5, 11, 16, 23]


@pytest.mark.parametrize("name", ["exchange_rate", "ett", "sunspots"])
def test_a_file_that_is_cut_off_is_refused(real_data, name, tmp_path, monkeypatch):
    (source,) = data.sources(name)
    (tmp_path / source.path).parent.mkdir()
    (tmp_path / source.path).write_bytes((real_data / source.path).read_bytes()[:-10])
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(DataError, match=r"^[^\n]* is not the expected file: its sha256 is [0-9a-f]{64}, [^\n]*$"):
        data.get(name)()


def parsed(text, columns=""):
    return parse_series(Text("m.csv", text, "ff"), columns)


@pytest.mark.parametrize(
    ("text", "columns", "values"),
    [
        ("wind,sun\n1,2\n3,4\n", ("wind", "sun"), [[1, 2], [3, 4]]),
        ("1;2.5\n-3e1;4\n", ("1", "2"), [[1, 2.5], [-30, 4]]),
        ("a\tb\n1\t2", ("a", "b"), [[1, 2]]),
        ("5\n6\n\n7\n", ("1",), [[5], [6], [7]]),
        ('"Wind, m/s", sun \n" 1", 2\n', ("Wind, m/s", "sun"), [[1, 2]]),
        ("2026-01-02,1,2\n2026-01-03,3,4\n", ("2", "3"), [[1, 2], [3, 4]]),
        (",a\n03.01.2026,1\n01.02.2026,2\n", ("a",), [[1], [2]]),
        ("day,a\n12/31/2025,1\n01/01/2026,2\n", ("a",), [[1], [2]]),
        ('"1, 2, 3";b\n1;2\n', ("1, 2, 3", "b"), [[1, 2]]),
        ("mean (min;max),b\n1,2\n", ("mean (min;max)", "b"), [[1, 2]]),
        ("t,a\n2026-01-01T01:00Z,1\n2026-01-01T02:30+01:00,2\n", ("a",), [[1], [2]]),
    ],
    ids=[
        "commas",
        "semicolons",
        "tabs",
        "one",
        "quoted",
        "dates",
        "unnamed",
        "american",
        "commas in quotes",
        "a semicolon in a name",
        "zones",
    ],
)
def test_a_table_is_read_with_or_without_names_and_dates(text, columns, values):
    series = parsed(text)
    assert series.columns == columns
    assert series.values.tolist() == values
    assert len(series.times) in (0, len(values))


def test_those_that_are_named_are_read_in_that_order_and_of_others_nothing_is_asked():
    series = parsed("day,place,a,b\n2026-01-01,here,1,2\n2026-01-02,there,,4\n", "b")
    assert (series.columns, series.values.tolist()) == (("b",), [[2.0], [4.0]])
    assert series.times == ("2026-01-01", "2026-01-02")
    assert parsed("a,b\n1,2\n", "b, a").values.tolist() == [[2.0, 1.0]]
    assert parsed('"a, m",b\n1,2\n', 'b, "a, m"').columns == ("b", "a, m")


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a,b\n1,2\n3\n", "", "line 3 of m.csv has 1 columns, and line 1 has 2: commas are taken for .*"),
        ("a,b\n1,2\n\n3,4,5\n", "", "line 4 of m.csv has 3 columns, and line 1 has 2: commas are .*"),
        ("a,b\n1,\n", "", r"line 2 of m.csv, column 'b': the value is missing \(''\); fill it in, .*"),
        ("a,b\n1,2\nNA,2\n", "", r"line 3 of m.csv, column 'a': the value is missing \('NA'\); .*"),
        ("a,b\n1,nan\n", "", r"line 2 of m.csv, column 'b': the value is missing \('nan'\); .*"),
        ("a,b\n1,inf\n", "", "line 2 of m.csv, column 'b': 'inf' is no finite number."),
        ("a,b\n1,1_0\n", "", "line 2 of m.csv, column 'b': '1_0' is no finite number; .*"),
        ("0,0;1,0\n0,5;1,5\n", "", "line 2 of m.csv, column '0,0': '0,5' is no .*; write decimals with a point, .*"),
        ("a;b\n1;2,5\n", "", "line 2 of m.csv, column 'b': '2,5' is no finite number; write decimals with a point, .*"),
        ("a;b\n1;1.234,5\n", "", "line 2 of m.csv, column 'b': '1.234,5' is no finite number; write decimals .*"),
        ("a\n1e200\n", "", "line 2 of m.csv, column 'a': '1e200' is too large; the largest that is read is 1e.100."),
        ("a b\n1 2\n", "", "line 2 of m.csv, column 'a b': '1 2' is no finite number; .*"),
        ("a,b\n1,x\n", "", "line 2 of m.csv, column 'b': 'x' is no finite number; where .*, by columns."),
        ("a,b\n", "", "m.csv has the names of columns, and no rows below them."),
        ("\n \n", "", "m.csv has no rows."),
        ("a,a\n1,2\n", "", "m.csv has two columns called 'a': each needs a name of its own."),
        ("d\n2026-01-01\n", "", "m.csv has no series: all of its columns are dates."),
        ("wind,sun\n1,2\n", "wimd", "m.csv has no column 'wimd'; did you mean 'wind'?"),
        ("wind,sun\n1,2\n", "rain", "m.csv has no column 'rain'; it has 'wind', 'sun'."),
        ("wind,sun\n1,2\n", "sun,sun", "column 'sun' of m.csv is named twice."),
        ("d,a\n2026-01-01,1\n", "d", "column 'd' of m.csv is one of dates, such as '2026-01-01', and no series."),
        ("d,a\n2026-01-02,1\n2026-01-01,2\n", "", "line 3 of m.csv is of 2026-01-01, and the row before it of .*"),
        *(
            (f"d,a\n{later},1\n{earlier},2\n", "", f"line 3 of m.csv is of {earlier}, and the row before .*")
            for later, earlier in [
                ("31.01.2026", "30.01.2026"),
                ("01/31/26 1:00 PM", "01/30/26 1:00 PM"),
                ("2026.02.01", "2026.01.01"),
                ("2026-2-1", "2026-1-1"),
                ("2026-02", "2026-01"),
            ]
        ),
        ("d,a\n2026-01-01,1\nTotal,2\n", "", "line 3 of m.csv, column 'd': 'Total' is no date as '2026-01-01' is."),
        ("d,a\n2026-01-01,1\n,2\n", "", "line 3 of m.csv, column 'd': '' is no date as '2026-01-01' is."),
        ('a,b\n1,"2\n', "", "line 3 of m.csv is no row of a table: unexpected end of data."),
    ],
)
def test_what_is_no_table_is_told_with_line_and_column(text, columns, message):
    with pytest.raises(DataError, match=f"^{message.replace('?', '[?]')}$"):
        parsed(text, columns)


def test_a_file_is_read_by_its_path(tmp_path):
    (tmp_path / "m.csv").write_bytes(b"\xef\xbb\xbfa\r\n1\r\n2\r\n")  # with a byte order mark, from Windows
    series = data.read_series(str(tmp_path / "m.csv"))
    assert (series.name, series.columns) == (str(tmp_path / "m.csv"), ("a",))
    assert series.values.tolist() == [[1.0], [2.0]]
    with pytest.raises(DataError, match=r"^there is no file .*n\.csv; did you mean 'm\.csv'\?$"):
        data.read_series(str(tmp_path / "n.csv"))
