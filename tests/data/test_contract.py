"""What every data set keeps to; a new file is tested on arrival."""

import re
from importlib.resources import files
from pathlib import PurePosixPath

import pytest

from rnnx import data


@pytest.mark.parametrize("name", data.names())
def test_the_source_is_fully_stated(name):
    documented = files("rnnx.data").joinpath("SOURCES.md").read_text(encoding="utf-8")
    assert data.sources(name)
    for source in data.sources(name):
        path = PurePosixPath(source.path)
        assert not path.is_absolute()
        assert ".." not in path.parts
        assert re.fullmatch("[0-9a-f]{64}", source.sha256)
        assert source.origin
        assert f"| `{name}` | `{source.path}` |" in documented
        assert f"`{source.sha256}`" in documented


@pytest.mark.parametrize("name", data.names())
def test_a_wrong_file_in_rnnx_data_dir_is_refused(name, tmp_path, monkeypatch):
    path = tmp_path / data.sources(name)[0].path
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\x80\x04N.")  # a pickle of None: refused by its hash like any other wrong file
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match="is not the expected file"):
        data.get(name)()


@pytest.mark.parametrize("name", data.names())
def test_available_looks_in_both_places_and_nowhere_else(name, cache, tmp_path, monkeypatch):
    assert not data.available(name)
    for variable, folder in [("RNNX_CACHE_DIR", cache), ("RNNX_DATA_DIR", tmp_path / "mine")]:
        monkeypatch.setenv(variable, str(folder))
        paths = [folder / source.path for source in data.sources(name)]
        for path in paths:
            assert not data.available(name), "until all of its files are there"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        assert data.available(name)
        for path in paths:
            path.unlink()
        assert not data.available(name)


@pytest.mark.parametrize("ask", [data.get, data.sources, data.available])
def test_an_unknown_name_gets_the_nearest(ask):
    with pytest.raises(ValueError, match="'tinyshakespear'; did you mean 'tinyshakespeare'"):
        ask("tinyshakespear")
