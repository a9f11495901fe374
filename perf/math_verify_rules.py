"""math-verify's verdicts, in an environment of its own: lighteval pins a latex2sympy2 that it does not work with.

Reads a JSON list of [gold, text] from standard input and writes a JSON list of true and false. Started by
perf.answer_checking with PYTHONPATH on math-verify's folder; it imports nothing of the project.
"""

import json
import logging
import sys


def main() -> None:
    from math_verify import LatexExtractionConfig, parse, verify  # type: ignore[import-not-found]

    logging.disable(logging.CRITICAL)
    gold_forms = [LatexExtractionConfig()]
    found = []
    for gold, text in json.load(sys.stdin):
        try:
            found.append(bool(verify(parse(rf"$\boxed{{{gold}}}$", gold_forms), parse(text))))
        except Exception:  # what it cannot judge is not right
            found.append(False)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
