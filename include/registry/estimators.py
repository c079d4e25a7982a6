"""What an estimator must be able to do before it may decide anything, and asking it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from include.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# scikit-learn and xgboost; lightgbm; catboost
OWN_NAME_ATTRIBUTES = ("feature_names_in_", "feature_name_", "feature_names_")


@dataclass(frozen=True)
class LoadedModel:
    """A registered model, checked and ready to be asked.

    Attributes:
        name: for example ``level4_desktop``.
        version: its version.
        sha256: digest of its artefact.
        threshold: a probability must be above it, 0-1.
        features: names of the input columns, in the order the estimator wants.
        estimator: the estimator itself.
    """

    name: str
    version: str
    sha256: str
    threshold: float
    features: tuple[str, ...]
    estimator: Any

    @property
    def label(self) -> str:
        """The model in messages and logs."""
        return f"{self.name} {self.version}"

    def probabilities(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Ask the model about some visits.

        Args:
            matrix: shape (n, features), float64, columns in the order of ``features``, n >= 1.

        Returns:
            Shape (n,), float64, probability of the second class, 0-1.

        Raises:
            ModelError: the estimator fails, or answers something that is no probability.
        """
        import numpy as np

        try:
            answer = np.asarray(self.estimator.predict_proba(self._input(matrix)), dtype=np.float64)
        except Exception as error:  # foreign code: whatever it raises, nothing may be scored
            raise ModelError(
                f"Model {self.label} failed on {len(matrix)} visits ({type(error).__name__}: {error}); promote "
                "another version."
            ) from error
        if answer.ndim != 2 or answer.shape[0] != len(matrix) or answer.shape[1] != 2:
            raise ModelError(
                f"Model {self.label} answered shape {answer.shape} for {len(matrix)} visits; predict_proba must "
                "give two columns."
            )
        second: NDArray[np.float64] = np.ascontiguousarray(answer[:, 1])
        if not bool(np.all((second >= 0) & (second <= 1))):
            raise ModelError(f"Model {self.label} answered values that are not probabilities from 0 to 1.")
        return second

    def _input(self, matrix: NDArray[np.float64]) -> Any:
        """An estimator fitted on named columns complains about a bare matrix, and the other way round."""
        if own_features(self.estimator) is None:
            return matrix
        import pandas as pd

        return pd.DataFrame(matrix, columns=list(self.features), copy=False)


def split_payload(payload: Any) -> tuple[Any, tuple[str, ...] | None]:
    """Separate an estimator from the feature list saved beside it.

    Args:
        payload: an estimator, or a mapping with ``model`` and ``features``.

    Returns:
        The estimator and its features; None when the artefact carries no list.
    """
    if not isinstance(payload, Mapping):
        return payload, None
    features = payload.get("features")
    return payload.get("model"), None if features is None else tuple(map(str, features))


def own_features(estimator: Any) -> tuple[str, ...] | None:
    """Names of the columns an estimator was fitted on.

    Args:
        estimator: a fitted estimator.

    Returns:
        The names in order, or None when it does not know them.
    """
    for attribute in OWN_NAME_ATTRIBUTES:
        names = getattr(estimator, attribute, None)
        if names is not None and len(names) and not _are_invented(tuple(map(str, names))):
            return tuple(map(str, names))
    return None


def require_usable(estimator: Any, features: Sequence[str] | None, label: str) -> tuple[str, ...]:
    """Check an estimator against its feature list.

    Args:
        estimator: what the artefact holds.
        features: the stored list; None to take the estimator's own names.
        label: the model in messages.

    Returns:
        The feature list.

    Raises:
        ModelError: no predict_proba, no feature list, repeated names, or a list that differs from the
            estimator in number, names or order.
    """
    if not callable(getattr(estimator, "predict_proba", None)):
        raise ModelError(f"Model {label} has no predict_proba; only classifiers that give probabilities can be used.")
    own = own_features(estimator)
    listed = tuple(features) if features else own
    if not listed:
        raise ModelError(
            f"Model {label} carries no feature list; save it as {{'model': ..., 'features': [...]}} or fit it on "
            "named columns."
        )
    if len(set(listed)) != len(listed):
        raise ModelError(f"Model {label} lists a feature twice ({', '.join(listed)}); correct its feature list.")
    wanted = getattr(estimator, "n_features_in_", None)
    if wanted is not None and int(wanted) != len(listed):
        raise ModelError(
            f"Model {label} wants {int(wanted)} features but lists {len(listed)}; correct its feature list."
        )
    if own is not None and own != listed:
        raise ModelError(
            f"Model {label} was fitted on {', '.join(own)} but lists {', '.join(listed)}; list the same names in the "
            "same order."
        )
    return listed


def _are_invented(names: tuple[str, ...]) -> bool:
    """Whether a library made the names up for a bare matrix: ``Column_0``, ``f0`` or ``0``."""
    return any(names == tuple(f"{prefix}{i}" for i in range(len(names))) for prefix in ("Column_", "f", ""))
