"""Equilibria where a denominator with a root vanishes, and sets of rests on a surface."""

import pytest

import flowopt as fo
from flowopt.stability.verdict import Evidence, proved


@pytest.mark.parametrize("power", ["1/2", "1/4"])
def test_a_point_where_a_norm_in_a_denominator_is_zero_is_not_lost(power):
    # -x/|x| rests at 0 in Filippov's sense, and -x/sqrt(|x|) tends to 0 there
    norm = f"(x**2 + y**2)**({power})"
    found = fo.equilibria(fo.VectorField([f"-x/{norm}", f"-y/{norm}"], ["x", "y"]))
    assert [p.kinds for p in found] == [("singular",)] and found[0].y.tolist() == [0, 0]
    assert "not judged" in found[0].verdict.reason


def test_a_denominator_with_a_root_that_may_vanish_is_a_gap():
    found = fo.equilibria(fo.VectorField(["-x/(sqrt(x**2 + y**2) - 1)", "-y"], ["x", "y"]))
    assert not found.complete and "denominator that holds a root" in found.reason
    found = fo.equilibria(fo.VectorField(["-x/(1 + sqrt(x**2 + y**2))", "-y"], ["x", "y"]))
    assert found.complete and len(found) == 1


def test_rests_that_fill_a_part_of_a_surface_are_a_set():
    # x'' = -x - sign(x'): each |x| <= 1 is a rest (dry friction)
    found = fo.equilibria(fo.VectorField(["y", "-x - sign(y)"], ["x", "y"]))
    assert not found.complete and "y = 0" in found.sets[0]


@pytest.mark.parametrize(("claim", "options"), [
    ("unstable", {}), ("stable", {}), ("asymptotically_stable", {})])
def test_a_box_that_ends_at_the_equilibrium_gives_no_verdict(claim, options):
    # on [0, 1] all motions of x' = -x**2 tend to 0, and on the line those from the left leave it
    field = fo.VectorField(["-x**2"], ["x"])
    made = fo.prove(field, claim=claim, domain=(0, 1), **options)
    assert made.unknown and "not inside the box" in made.reason
    assert fo.prove(field, claim="unstable", domain=(-1, 1)).proved


def test_instability_is_not_proved_under_assumptions_that_are_not_read():
    field = fo.VectorField(["x", "-y"], ["x", "y"])
    assert fo.prove(field, claim="unstable").proved
    made = fo.prove(field, claim="unstable", assumptions=["x = 0"])
    assert made.unknown and "assumptions" in made.reason
    true = fo.prove(field, claim="unstable")
    false = {**true.statement, "assumptions": ["x = 0"]}
    with pytest.raises(AssertionError, match="assumptions"):
        proved(false, "by hand", "A", Evidence(true.certificate.kind, true.certificate.data))


def test_a_field_without_a_value_at_a_point_is_no_crash():
    assert fo.prove(fo.VectorField(["1/x"], ["x"]), "-x**2", "nonincreasing").unknown


def test_a_root_of_what_may_be_negative_is_not_manifestly_positive():
    assert not fo.prove(fo.VectorField(["-sqrt(x)"], ["x"]), "x", "nonincreasing").proved
    assert fo.prove(fo.VectorField(["-sqrt(1 + x**2)"], ["x"]), "x", "nonincreasing").proved
