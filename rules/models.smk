# Models and templates: which there are, where each lies, and what its template is given.

NAMED = {"base": EXPERIMENT.model, "scorer": EXPERIMENT.scorer.model or EXPERIMENT.model, **EXPERIMENT.models}
NAMED |= {SECOND_SCORER: second} if (second := EXPERIMENT.second_scorer()) else {}
MODELS = {**NAMED, **EXPERIMENT.measuring_models()}


def measuring(wildcards):
    """Return the model that measures rows for a table, by what the graph calls it."""
    return MEASURES[wildcards.asked].model_name()


def made_model(model):
    """Return the folder of a model that the graph makes or fetches, as an input; nothing for the user's own folder."""
    if model in KEPT:
        return PATHS.path("kept_model", run=KEPT[model].run.name, percent=KEPT[model].percent)
    if model not in MODELS:
        return PATHS.path("run_model", run=model)
    if MODELS[model].name == DEMO:
        return PATHS.path("demo_base")
    if MODELS[model].served or is_local(MODELS[model].name):
        return []
    if model == "scorer" and EXPERIMENT.scorer.model is None:
        model = "base"
    return PATHS.path("fetched_model", model=model)


def own_model(model):
    """Return the user's own folder of a model as a word of a command, or None where the graph makes or fetches it."""
    known = MODELS.get(model)
    local = known and known.name != DEMO and not known.served and is_local(known.name)
    return own(MODELS[model].name) if local else None


def own_gguf(model):
    """Return a model's GGUF file as a word of a command, or None where it comes from elsewhere."""
    return own(MODELS[model].name) if is_gguf(MODELS[model].name) else None


def own_models(*names):
    """Return own_model by the name of an option: `model` is the base model, any other a model of that name."""
    return {name: own_model("base" if name in ("model", "base") else name) for name in names}


def model_folder(model):
    """Return where the folder of a model lies, or will lie."""
    return Path(made_model(model) or MODELS[model].name).expanduser()


def chat_settings(model="base"):
    """Return the options that say how a model's chat template is used; a run's are the base model's."""
    if model not in MODELS or (model == "scorer" and EXPERIMENT.scorer.model is None):
        model = "base"
    return MODELS[model].chat_settings(EXPERIMENT.date)


def chat_options(model="base"):
    """Return the options of a program that renders the chat template of a model."""
    return {"chat_template": chat_template(model), "chat": chat_settings(model)}


def chat_template(model="base"):
    """Return the file that replaces a model's chat template, or None: a run's folder has its own."""
    if model == "scorer" and EXPERIMENT.scorer.model is None:
        model = "base"
    return own(MODELS[model].chat_template) if model in MODELS else None


CHECKS = [
    PATHS.path("check", model=name)
    for name, model in NAMED.items()
    if not model.served and (name != "scorer" or EXPERIMENT.dataset and EXPERIMENT.scorer.model)
]
"""What every target asks for and no job waits for, so that what was found makes nothing run again. They go first
(`priority`), and one that fails ends the run. (As `ancient` inputs of what costs they hid changed settings: where such a
job is to run, Snakemake looks at nothing behind it.)"""
