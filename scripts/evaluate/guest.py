"""Runs inside the sandbox, alone: sets the limits, then runs one program that a model wrote.

Needs nothing but the standard library. Its argument is a JSON file: `source`, `prelude` (what the program finds
imported), `function` (what to call with the arguments on standard input, a JSON value a line; null: the program reads
and writes for itself), `limits` and `uid` (whom to become where root started it, whom no limit of processes binds).
Exits with 0 when the program ran to its end or left by itself; standard error says what went wrong.
"""

import json
import os
import resource
import sys


def bind(limits: dict[str, tuple[int, int]], uid: int | None) -> None:
    """Set the limits (soft and hard) for this process and all that it starts, and become `uid`."""
    for name, (soft, hard) in limits.items():
        resource.setrlimit(getattr(resource, name), (soft, hard))
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)


def call(namespace: dict, function: str) -> None:
    """Call the program's function, a method of Solution where there is one, and print the result as JSON."""
    owner = namespace["Solution"]() if "Solution" in namespace else None
    target = getattr(owner, function) if owner is not None else namespace[function]
    arguments = [json.loads(line) for line in sys.stdin.read().split("\n") if line]
    answer, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115, PTH123 (what it prints is not the answer)
    result = target(*arguments)
    json.dump(result, answer, default=lambda value: value.item())  # a number of numpy's is a number
    answer.flush()


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as stream:  # noqa: PTH123 (pathlib takes 10 ms, for every test)
        job = json.load(stream)
    bind(job["limits"], job["uid"])
    namespace = {"__name__": "__main__" if job["function"] is None else "program"}
    try:
        exec(job["prelude"], namespace)
        exec(compile(job["source"], "program.py", "exec"), namespace)
        if job["function"] is not None:
            call(namespace, job["function"])
    except SystemExit:
        pass  # to leave is no error, whatever the status


if __name__ == "__main__":
    main()
