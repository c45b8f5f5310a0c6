"""Models of tables: rows unlike those of training, and rows with given columns.

A model with the primitive `complete` (see `completion`) draws rows with given columns exactly. Other models do so by
rejection: they draw rows until one matches, up to `max_tries` times.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from sklearn.utils import Tags
from torch import Tensor

from zaohua.core.advice import option
from zaohua.core.available import available
from zaohua.core.errors import ZaohuaError
from zaohua.core.noise import ItemNoise, derive_seed
from zaohua.core.notes import note, shown
from zaohua.core.params import Between, Sampling
from zaohua.core.seeds import RandomState
from zaohua.estimator.completion import CHUNK, CompletesRows, unlike
from zaohua.estimator.encoding import Base, TrainingData
from zaohua.estimator.tensors import Encoded, unknown_labels
from zaohua.modalities.base import Codec
from zaohua.modalities.labels.codec import LabelCodec
from zaohua.modalities.records.codec import RecordCodec

FEWEST = 20
"""Number of rows that fewer count as when tries are counted."""


class Tabular(CompletesRows):
    """Model of the rows of a table.

    Attributes:
        acceptance_rate_: fraction of the drawn rows that matched, in the last call of `sample` that used rejection.
    """

    marginalises: ClassVar[bool] = False
    """True if `log_prob` and `encode` leave out features that a row doesn't say: categories of -1, numbers of NaN."""

    unseen: Annotated[Literal["ignore", "zero", "error"], Sampling(scores=True)] = "ignore"
    """What becomes of cells unlike training's in rows to score (new categories, numbers outside the range, missing
    cells where there were none): they are left out of account, the row has probability zero (a score of -inf), or an
    error."""
    max_tries: Annotated[int, Between(1), Sampling] = 1000
    """Maximum number of rows drawn for a row with given columns, in the mean over all rows (fewer than 20 count as
    20), by models that need rejection."""

    def _begin(
        self, X: object, y: object, base: Base | None = None, modality: str | None = None, codec: Codec | None = None
    ) -> TrainingData:
        if isinstance(X, np.ndarray) and X.ndim == 1:
            raise ZaohuaError(
                f"a table is an array (n, columns), not one of shape {X.shape}: X.reshape(-1, 1) has one column"
            )
        return super()._begin(X, y, base, modality, codec)

    @property
    def n_features_in_(self) -> int:
        """Number of columns, under scikit-learn's name."""
        return len(self.codec_.container_.columns)

    @property
    def feature_names_in_(self) -> np.ndarray:
        """Names of the columns, under scikit-learn's name; the attribute exists only if all are strings."""
        names = self.codec_.container_.columns
        if not all(isinstance(name, str) for name in names):
            raise AttributeError("the columns have no names")
        return np.array(names, dtype=object)

    # ---- rows unlike training's

    def _encode_new(self, items: object, labels: object) -> Encoded:
        """Encode rows and labels, and note how many cells are unlike training's; see the field `unseen`.

        Raises:
            ZaohuaError: a cell is unlike training's and the model can't leave it out, or `unseen` is "error".
        """
        codes = self.codec_.encode_partly(items)
        if self.unseen == "error":
            self.codec_.refuse_unlike(items)
        elif not self.marginalises and self.codec_.hidden(codes).any():
            self._refuse_unlike(items)
        encoded = self._labelled(codes, labels)
        rows, cells = self._unlike(encoded)
        if cells:
            columns = self.codec_.hidden(codes).any(0).tolist()
            names = [str(c.name) for c, is_in in zip(self.codec_.columns_, columns, strict=True) if is_in]
            end = "such rows have probability zero" if self.unseen == "zero" else "left out of account"
            note(f"{unlike(rows, len(codes), cells)} ({shown(names) or 'labels'}): {end}")
        return encoded

    def _labelled(self, codes: Tensor, labels: object) -> Encoded:
        """Attach labels to encoded rows, -1 for those that are missing or unknown."""
        codec = self.y_codec_
        if labels is None or not isinstance(codec, LabelCodec) or self.unseen == "error":
            return self.attach_conditions(codes, labels)
        known = codec.encode_partly(codec.as_items(labels, len(codes)))
        if len(known) != len(codes):
            return self.attach_conditions(codes, labels)  # which says how many there are
        return Encoded(codes, known)

    def _unlike(self, encoded: Encoded) -> tuple[np.ndarray, int]:
        """Return which rows hold cells unlike training's or such a label, bool (n,), and the number of these."""
        hidden = self.codec_.hidden(encoded.codes[np.arange(len(encoded))]).numpy()
        if encoded.y_codes is not None:
            hidden = np.column_stack([hidden, unknown_labels(encoded.y_codes)])
        return np.asarray(hidden.any(1)), int(hidden.sum())

    def _refuse_unlike(self, items: object) -> None:
        try:
            self.codec_.refuse_unlike(items)
        except ZaohuaError as error:
            raise ZaohuaError(
                f"{error}; {type(self).__name__} needs rows like training's, and other models leave such cells out "
                "(product-mixture, independent, tab-ar, tvae)"
            ) from None

    @available("log_prob")
    def score_encoded(self, encoded: Encoded) -> np.ndarray:
        """Compute `score_samples` of encoded rows; a label of -1 is unknown, and summed over."""
        scores = super().score_encoded(encoded)
        return np.where(self._unlike(encoded)[0], -np.inf, scores) if self.unseen == "zero" else scores

    # ---- rows with given cells

    @available("draw")
    def sample(
        self,
        n_samples: int | None = None,
        *,
        y: object = None,
        random_state: RandomState = None,
        batch_size: int | None = None,
        **options: Any,
    ) -> Any:
        """Generate new rows.

        Args:
            n_samples: number of rows; by default one, or one for each y.
            y: values of columns, `{"income": ">50K"}`, each for all rows or a list with one for each, or a data frame
                of such columns. For a model that was fitted with labels also a label, or one for each row; for one
                fitted with records a record of them.
            random_state: seed. The first k rows are the same for every n_samples >= k. None uses the model's own.
            batch_size: number of rows that are made at once, if no columns are given; None chooses.
            options: fields marked for sampling, for this call only.

        Returns:
            A table of the type that the model was fitted on.

        Raises:
            ZaohuaError: a column or value is unknown, or too few of the drawn rows have the given values.
        """
        columns = y if isinstance(y, Mapping) else getattr(y, "columns", None)
        if columns is None or (isinstance(self.y_codec_, RecordCodec) and set(columns) <= set(self.y_codec_.codecs_)):
            return super().sample(n_samples, y=y, random_state=random_state, batch_size=batch_size, **options)
        model = self.with_options(**options)
        model.sample_conditions(n_samples, None)
        if not len(columns):
            raise ZaohuaError("y has no columns: give values of some, or y=None")
        codes, known = model.codec_.given(y, n_samples)
        seeds = self.seeds_for_sampling(random_state, len(codes))
        if hasattr(model, "complete") and model.cannot("complete") is None:
            codes = model.completed(codes, known, seeds, whole=False)
        else:
            codes, self.acceptance_rate_ = model._sampled_by_rejection(codes, known, seeds)
        return model.codec_.items(codes, like=y)

    def _sampled_by_rejection(self, codes: Tensor, known: Tensor, seeds: list[int]) -> tuple[Tensor, float]:
        """Return codes (n, columns) of drawn rows that match the known cells, and the acceptance rate.

        Each row has its own draws, so that it doesn't depend on the others; how many may be drawn is counted over all
        rows, as a few rows always need many more than the mean.
        """
        out, pending, drawn, tried = codes.clone(), torch.arange(len(codes)), 0, 0
        most = self.max_tries * max(len(codes), FEWEST)
        while len(pending) and drawn < most:
            tries = min(max(1, CHUNK // len(pending)), -(-(most - drawn) // len(pending)))
            noise = ItemNoise([derive_seed(seeds[i], tried + k) for k in range(tries) for i in pending], self.device_)
            y = None if self.y_codec_ is None else self.prepare_conditions(self.y_codec_.draw(noise), noise)
            with self.inference():
                rows = self.codec_.codes(self.draw(noise, y)).view(tries, len(pending), -1)
            targets, given = codes[pending], known[pending]
            matches = ((rows == targets) | (rows.isnan() & targets.isnan()) | ~given).all(2)
            done, first = matches.any(0), matches.float().argmax(0)
            out[pending[done]] = rows[first[done], torch.arange(len(pending))[done]]
            drawn += int(torch.where(done, first + 1, tries).sum())
            pending, tried = pending[~done], tried + tries
        accepted = len(codes) - len(pending)
        if len(pending):
            message = f"of {drawn:,} rows drawn {accepted:,} had the given values ({accepted / drawn:.3%})"
            raise ZaohuaError(
                f"{message}, but {len(codes):,} are needed: give fewer columns, allow more tries "
                f"({option('max_tries', 10 * self.max_tries)}), or use a model that conditions exactly "
                "(product-mixture, tab-ar)"
            )
        return out, accepted / drawn

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = tags.input_tags.string = True
        return tags
