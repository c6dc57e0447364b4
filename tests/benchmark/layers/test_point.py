import doctest
import importlib

import pytest

from scripts.benchmark.layers import grid
from scripts.benchmark.layers.point import Point


@pytest.mark.parametrize(
    "name",
    [
        "layers.grid",
        "libraries",
        "libraries._gates",
        "layers.page",
        "layers.point",
        "layers.ratios",
        "layers.timing",
    ],
)
def test_examples_in_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"scripts.benchmark.{name}")).failed == 0


def test_flops_of_a_point_are_those_of_its_products():
    # (64, 64, 16, 100): x W and h U are [16, 64] by [64, 256], 100 times; backward twice as much again.
    one = 2 * 16 * 64 * 256
    point = Point("lstm", hidden=64, batch=16, layers=1, steps=100)
    assert point.flops("forward") == 100 * 2 * one
    assert point.flops("backward") == 3 * 100 * 2 * one
    assert point._replace(layers=2).flops("forward") == 2 * point.flops("forward")


def test_the_grid_is_the_one_of_the_method():
    points = grid.points()
    assert len(set(points)) == len(points) == 3 * 2 * 4 * (5 + 1)
    assert {(point.hidden, point.batch) for point in points if point.steps == 1000} == {
        (64, 1),
        (64, 8),
        (64, 32),
        (64, 128),
    }
    assert {point.steps for point in points if point.hidden != 64} == {128}
