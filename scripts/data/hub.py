"""What can go wrong with the hub, in one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager

from scripts.common.cli import UserError


def access_needed(what: str, repository: str) -> str:
    """Return what to do where a repository is gated."""
    page = f"https://huggingface.co/{'datasets/' if what == 'data set' else ''}{repository}"
    return (
        f"the {what} '{repository}' is gated: ask for access at {page}, then log in with that account (hf auth login, "
        "or HF_TOKEN) and run again"
    )


@contextmanager
def hub_failures(what: str, repository: str, revision: str | None) -> Iterator[None]:
    """Raise UserError for a failure of the hub's client; `what` is fetched: a data set or a model."""
    from huggingface_hub.errors import GatedRepoError, HTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except RevisionNotFoundError as error:
        raise UserError(f"the {what} '{repository}' has no revision '{revision}': name a commit of it") from error
    except GatedRepoError as error:
        raise UserError(access_needed(what, repository)) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"the hub has no {what} '{repository}', or it is not open to you: check the name, log in"
        ) from error
    # LocalEntryNotFoundError, for a hub that does not answer, is an OSError.
    except (HTTPError, OSError) as error:
        raise UserError(
            f"the {what} '{repository}' at revision '{revision}' could not be fetched: {str(error).splitlines()[0]}"
        ) from error
