"""What `model.json` says of a run, read without importing torch."""

from __future__ import annotations

import json
from pathlib import Path

from zaohua.core.errors import CheckpointError, nearest
from zaohua.core.json import Json
from zaohua.storage import legacy, published
from zaohua.storage.atomic import read_file
from zaohua.storage.layout import MODEL, is_run


def read_model(folder: str | Path) -> Json:
    """Read the `model.json` of a run, without its weights and without importing torch.

    Raises:
        CheckpointError: there is none, with the nearest runs there are, or it is damaged, or of a newer version.
    """
    if published.is_published(folder):
        return published.reader().load_model(str(folder), False)[0]
    path = Path(folder) / MODEL
    try:
        data = json.loads(read_file(path))
        legacy.check_format(data, path)
        return {"model": str(data["model"]), **legacy.current(data, path)}
    except CheckpointError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        if is_run(Path(folder)):
            raise CheckpointError(f"{folder} is a damaged run: its {MODEL} is missing") from None
        beside = {other.parent.name: other.parent for other in Path(folder).parent.glob(f"*/{MODEL}")}
        close = nearest(Path(folder).name, beside)  # by its own name: those of the folders around it are the same
        hint = f"; did you mean {beside[close[0]]}?" if close else ": train one with `zaohua train MODEL DATA`"
        raise CheckpointError(f"no run at {folder}{hint}") from None
    except OSError as error:
        raise CheckpointError(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError(f"{path} is damaged: it isn't the JSON of a model") from None
