"""The data files of a repository on the hub: those of one configuration and one split, as `datasets` finds them."""

import tempfile
from pathlib import Path
from typing import NamedTuple

from scripts.common.cli import UserError, heavy_imports, log
from scripts.common.config.dataset import Dataset
from scripts.data.files import SUFFIXES, suffix_of
from scripts.data.hub import hub_failures

TRAIN = "train"


class HubFiles(NamedTuple):
    """The data files of a data set on the hub."""

    paths: dict[str, Path]
    """Where each file of the repository lies, by its name there."""
    licence: str | None
    """As the data set's card has it."""
    commit: str | None
    """The commit that the revision stands for."""
    chosen: str
    """Which configuration and split are read, and which are not."""


def fetch_hub_files(dataset: Dataset) -> HubFiles:
    """Download the data set's files at its revision; a connection that breaks is taken up where it broke."""
    from huggingface_hub import HfApi, hf_hub_download

    repository, revision = str(dataset.path), dataset.revision

    def fetched(name: str) -> Path:
        return Path(hf_hub_download(repository, name, revision=revision, repo_type="dataset"))

    with hub_failures("data set", repository, revision):
        info = HfApi().dataset_info(repository, revision=revision)
        there = [sibling.rfilename for sibling in info.siblings or []]
        if dataset.file:
            names, chosen = [dataset.file], f"the file {dataset.file}"
        else:
            data = [name for name in there if suffix_of(name) in SUFFIXES]
            if not data:
                raise UserError(
                    f"dataset.path: '{repository}' holds no data file ({', '.join(SUFFIXES)}) at that revision"
                )
            front = info.card_data.to_yaml() if info.card_data else ""
            card = f"---\n{front}\n---\n"
            if "configs:" not in front and "README.md" in there and len({Path(name).parent for name in data}) > 1:
                card = fetched("README.md").read_text(encoding="utf-8")  # mirrors leave it out of what they say
            names, chosen = choose(dataset, data, card)
        log.info("%s: %s", repository, chosen)
        paths = {name: fetched(name) for name in names}
    return HubFiles(paths, info.card_data.get("license") if info.card_data else None, info.sha, chosen)


def choose(dataset: Dataset, names: list[str], card: str) -> tuple[list[str], str]:
    """Return which of the repository's data files are read, and what was chosen in words.

    `datasets` itself tells configurations and splits, from a folder in which the files are empty. Raises UserError
    where the choice is the user's.
    """
    with heavy_imports():
        import yaml
        from datasets import get_dataset_config_names, get_dataset_default_config_name, load_dataset_builder
        from datasets.exceptions import DatasetNotFoundError

    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name in names:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).touch()
        (root / "README.md").write_text(card, encoding="utf-8")
        where = f"the data set '{dataset.path}'"
        try:
            configs = get_dataset_config_names(str(root))
            config = _config(dataset, configs, get_dataset_default_config_name(str(root)), where)
            found = load_dataset_builder(str(root), config).config.data_files or {}
        except (
            DatasetNotFoundError,
            ValueError,
            OSError,
            KeyError,
            TypeError,
            AttributeError,
            yaml.YAMLError,
        ) as error:
            said = (str(error).splitlines() or [type(error).__name__])[0].replace(str(root), str(dataset.path))
            raise UserError(f"{where}: its data files cannot be told ({said}): name one by dataset.file") from error
        splits = {str(split): [str(Path(file).relative_to(root)) for file in files] for split, files in found.items()}
    split = dataset.split or TRAIN
    if split not in splits:
        raise UserError(f"{where} has no split '{split}' (there are: {', '.join(splits)}): name one as dataset.split")
    left = [f"configuration {name}" for name in configs if name != config]
    left += [f"split {name}" for name in splits if name != split]
    if len(configs) == 1:  # `datasets` takes files of one kind: the others would be lost without a word
        left += sorted(set(names).difference(*splits.values()))
    chosen = f"configuration {config}, split {split}" + (f"; not read: {', '.join(left)}" if left else "")
    return splits[split], chosen


def _config(dataset: Dataset, configs: list[str], default: str | None, where: str) -> str:
    if dataset.config:
        if dataset.config not in configs:
            raise UserError(f"{where} has no configuration '{dataset.config}' (there are: {', '.join(configs)})")
        return dataset.config
    if len(configs) == 1 or default:
        return default or configs[0]
    raise UserError(f"{where} has several configurations ({', '.join(configs)}): name one as dataset.config")
