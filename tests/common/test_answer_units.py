"""Units behind a number: any two that differ are two answers, and a unit may be left out."""

from itertools import permutations

import pytest

from scripts.common.judging.verdict import same_answer

UNITS = (
    r"m km cm mm nm \mum s ms \mus h kg g mg N kN MN J kJ MJ W kW MW GW V kV mV A mA Hz kHz MHz GHz Pa kPa MPa K mol mmol L mL "
    r"m^2 cm^2 m^3 cm^3 m/s km/h m/s^2 \Omega k\Omega eV keV MeV GeV C mC nC T F pF \muF H mH bits bytes kB MB GB atm bar "
    r"torr mmHg cal kcal lm cd lux rpm M mM g/mol kg/m^3 acres hectares gallons quarts miles feet inches yards days weeks "
    r"months years dollars cents euros yen pounds degrees"
).split()
FORMS = {"text": r"5 \text{{ {}}}", "roman": r"5\,\mathrm{{{}}}", "behind a blank": r"5\ \text{{{}}}"}


@pytest.mark.parametrize("form", FORMS)
def test_a_unit_may_be_left_out(form: str) -> None:
    wrong = [unit for unit in UNITS if not same_answer(FORMS[form].format(unit), "5")[0]]
    assert wrong == []


@pytest.mark.parametrize("form", FORMS)
def test_two_units_are_two_answers(form: str) -> None:
    written = [FORMS[form].format(unit) for unit in UNITS]
    assert [pair for pair in permutations(written, 2) if same_answer(*pair)[0]] == []


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        (r"5\pi \text{ m}", r"5\pi"), (r"5\,\Omega", "5"), (r"5\text{ k}\Omega", "5 kΩ"), ("5 Ω", "5 ohms"),
        (r"5\ \mu\text{m}", "5 μm"), (r"5 \text{ kilovolts}", "5 kV"), (r"5 \text{ megahertz}", r"5\,\mathrm{MHz}"),
        (r"5~\mathrm{m}\,\mathrm{s}^{-1}", "5"), (r"\frac{5}{2}\text{ s}", "2.5"), (r"45^\circ", "45"), (r"5\text{ microfarads}", "5 μF"),
            (r"5\text{ mT}", r"5\text{ milliteslas}"),
    ],
)  # fmt: skip
def test_one_unit_in_two_ways_of_writing(gold: str, answer: str) -> None:
    assert same_answer(gold, answer)[0]


@pytest.mark.parametrize(
    ("gold", "answer"),
    [
        ("3μm", "3 m"),
        (r"2\mathrm{e}", "2"),
        (r"2\mathrm{i}", "2"),
        ("5k", "5"),
        ("2cd", "2"),
        ("5F", "5"),
        ("2H", "2"),
        ("3lm", "3"),
        ("2ha", "2"),
        (r"5\text{ microfarads}", r"5\text{ millifarads}"),
    ],
)
def test_names_stay(gold: str, answer: str) -> None:
    assert not same_answer(gold, answer)[0]
