"""Where we step around lighteval 0.13.

tests/evaluate/test_lighteval_patches.py holds a test for each step: it fails when the defect is gone upstream, and then
the step may go too.
"""

import json
import os
import re
from typing import Any

# lighteval imports GitPython, which refuses to be imported on a machine without git.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from lighteval.logging.evaluation_tracker import EnhancedJSONEncoder, EvaluationTracker
from lighteval.logging.info_loggers import DetailsLogger
from lighteval.models.abstract_model import LightevalModel
from lighteval.pipeline import ParallelismManager, Pipeline, PipelineParameters
from lighteval.tasks.lighteval_task import LightevalTask

from scripts.common.chain import last_boxed
from scripts.common.questions import without_dollars

# B, (B), \text{B}, B) 5 m/s
BOXED_LETTER = re.compile(r"(?:\\(?:text|textbf|mathrm|mathbf)\{)?\(?([A-Z])(?:\)?\}?|[).:].*)", re.DOTALL)
PLUS_MINUS = r"\pm"
# 4.5e33, -1E-5
SCIENTIFIC = re.compile(r"\\boxed\{\s*(-?\d+(?:\.\d+)?)[eE]([+-]?\d+)\s*\}")


class NoCache:
    """In the place of lighteval's sample cache.

    That is keyed on the model's configuration and path, not on its weights: a model trained again at the same path
    would get the old answers. Snakemake is the cache.
    """

    def _init_registry(self, registry: Any) -> None:
        """Nothing: the pipeline calls this on every model's cache."""


class LocalPipeline(Pipeline):
    """lighteval's pipeline over one task that is already at hand.

    The registry imports every built-in task: one downloads a file when it is imported (fails offline), one calls a
    function of the hub's client that no longer takes that argument (fails online too). And a data set folder would be
    read through the `datasets` cache in the user's home.
    """

    def __init__(self, task: LightevalTask, tracker: EvaluationTracker, model: LightevalModel) -> None:
        self._task = task
        # The judges see whole texts: lighteval takes full pairs of <think> off, and leaves what was cut off inside one.
        parameters = PipelineParameters(launcher_type=ParallelismManager.CUSTOM, remove_reasoning_tags=False)
        super().__init__(task.full_name, parameters, tracker, model=model)

    def _init_tasks_and_requests(self, tasks: str) -> None:
        self.registry = None
        self.tasks_dict = {tasks: self._task}
        self.documents_dict = {tasks: self._task.get_docs()}
        self.sampling_docs = dict.fromkeys(self._task.sampling_methods, self.documents_dict[tasks])
        self.evaluation_tracker.task_config_logger.log(self.tasks_dict)
        self.evaluation_tracker.versions_logger.log(tasks, self._task.version)


def run_pipeline(task: LightevalTask, model: LightevalModel) -> tuple[dict[str, Any], dict[str, DetailsLogger.Detail]]:
    """Return lighteval's result JSON, and for each question id what it has scored.

    The details are those that lighteval would write; we keep them as the table of answers.
    """
    tracker = EvaluationTracker(output_dir=".", save_details=False)
    pipeline = LocalPipeline(task, tracker, model)
    pipeline.evaluate()
    result = json.loads(json.dumps(tracker.results, cls=EnhancedJSONEncoder))
    return result, {detail.doc.specific["question_id"]: detail for detail in pipeline.get_details()[task.full_name]}


def wrapped(gold: str) -> str:
    r"""Return a gold answer as mathematics, $\boxed{gold}$.

    Bare, lighteval finds no answer in one of seven golds of MATH-500, and accepts a few wrong answers.
    """
    return plain_in_box(rf"$\boxed{{{without_dollars(gold)}}}$")


def letter_in_box(text: str) -> str:
    r"""Return `Answer: B` for a text that ends on \boxed{B}, any other text as it is.

    lighteval looks for a letter after the word answer, or between spaces: where mathematics is trained on, answers end
    in a box, and it would read the "A" of "A ball falls ... \boxed{B}".
    """
    try:
        boxed = last_boxed(text)
    except ValueError:  # cut off within the box
        return text
    letter = BOXED_LETTER.fullmatch(boxed) if boxed else None
    return f"Answer: {letter[1]}" if letter else text


def plain_in_box(text: str) -> str:
    r"""Return a text whose boxes say 4.5\times 10^{33} for 4.5e33, and whose last box says 1+a, 1-a for 1\pm a.

    lighteval takes the e for Euler's number, and leaves a sign of \pm out.
    """
    text = SCIENTIFIC.sub(r"\\boxed{\1\\times 10^{\2}}", text)
    try:
        boxed = last_boxed(text)
    except ValueError:  # cut off within the box
        return text
    if boxed is None or boxed.count(PLUS_MINUS) != 1 or any(mark in boxed for mark in (r"\mp", ",", r"\{")):
        return text
    before, after = text.rsplit(boxed, 1)
    return f"{before}{boxed.replace(PLUS_MINUS, '+')}, {boxed.replace(PLUS_MINUS, '-')}{after}"
