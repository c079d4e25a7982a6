"""Plots of a model card: precision-recall, ROC, reliability and deciles, as PNG.

Figures are made without pyplot: nothing is shared between threads, nothing has to be closed, and equal input
gives equal bytes with the same version of matplotlib.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WIDTH_INCHES, HEIGHT_INCHES, DOTS_PER_INCH = 6.4, 4.6, 100
MODEL_COLOUR, BASELINE_COLOUR, MARK_COLOUR, QUIET_COLOUR = "#1f5fa8", "#d9822b", "#b3261e", "#8a8f98"
BIN_COUNT = 10  # of reliability and deciles alike; ECE(10) counts in the same bins


def draw_plots(
    labels: NDArray[np.int8],
    probabilities: NDArray[np.float64],
    baseline: NDArray[np.float64],
    *,
    threshold: float,
    title: str,
) -> dict[str, bytes]:
    """Draw the plots of a model card.

    Args:
        labels: shape (n,), 0 or 1; n >= 0, one class only is drawn as far as it can be.
        probabilities: shape (n,), of the model, calibrated, 0-1.
        baseline: shape (n,), of the baseline, 0-1.
        threshold: a probability must be above it, 0-1.
        title: what the plots are of, for example ``level4_desktop, 2025-06-01 to 2025-06-28``.

    Returns:
        PNG bytes by name: ``precision_recall``, ``roc``, ``reliability``, ``deciles``.

    Raises:
        ValueError: the arrays differ in length.
    """
    import numpy as np

    truth = np.asarray(labels).astype(bool)
    chances, base = np.asarray(probabilities, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if not len(truth) == len(chances) == len(base):
        raise ValueError(
            f"labels, probabilities and baseline differ in length: {len(truth)}, {len(chances)}, {len(base)}"
        )
    drawings: dict[str, Callable[[Any], None]] = {
        "precision_recall": lambda axes: _precision_recall(axes, truth, chances, base, threshold),
        "roc": lambda axes: _roc(axes, truth, chances, base, threshold),
        "reliability": lambda axes: _reliability(axes, truth, chances, base),
        "deciles": lambda axes: _deciles(axes, truth, chances),
    }
    return {name: _draw(drawing, title) for name, drawing in drawings.items()}


def _draw(drawing: Callable[[Any], None], title: str) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context(mpl.rcParamsDefault):  # a matplotlibrc of the person must not change the bytes
        figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), dpi=DOTS_PER_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.grid(visible=True, color="#e4e7eb", linewidth=0.8)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        drawing(axes)
        figure.suptitle(title, fontsize=10, color="#4a4f57", parse_math=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _precision_recall(
    axes: Any, truth: NDArray[np.bool_], chances: NDArray[np.float64], base: NDArray[np.float64], threshold: float
) -> None:
    axes.set(title="Precision and recall", xlabel="recall (share of level 4+ found)", ylabel="precision (share right)")
    _unit_square(axes)
    if not truth.any():
        _say_why_empty(axes, "no positive visit")
        return
    share = float(truth.mean())
    axes.axhline(share, color=QUIET_COLOUR, linestyle=":", label=f"chance {share:.3f}")
    for name, scores, colour in (("baseline", base, BASELINE_COLOUR), ("model", chances, MODEL_COLOUR)):
        recall, precision, area = _recall_precision(truth, scores)
        axes.step(recall, precision, where="pre", color=colour, label=f"{name}, area {area:.3f}")
    flagged = chances > threshold
    if flagged.any():
        recall_here, precision_here = float(flagged[truth].mean()), float(truth[flagged].mean())
        axes.plot(recall_here, precision_here, "o", color=MARK_COLOUR, label=f"threshold {threshold:.3g}")
    axes.legend(loc="best", frameon=False)


def _roc(
    axes: Any, truth: NDArray[np.bool_], chances: NDArray[np.float64], base: NDArray[np.float64], threshold: float
) -> None:
    axes.set(title="ROC", xlabel="false positives (share of the others flagged)", ylabel="recall")
    _unit_square(axes)
    if truth.all() or not truth.any():
        _say_why_empty(axes, "one class only")
        return
    from sklearn.metrics import roc_auc_score, roc_curve

    axes.plot([0, 1], [0, 1], color=QUIET_COLOUR, linestyle=":", label="chance 0.500")
    for name, scores, colour in (("baseline", base, BASELINE_COLOUR), ("model", chances, MODEL_COLOUR)):
        false_share, true_share, _ = roc_curve(truth, scores)
        axes.plot(false_share, true_share, color=colour, label=f"{name}, area {roc_auc_score(truth, scores):.3f}")
    flagged = chances > threshold
    here = (float(flagged[~truth].mean()), float(flagged[truth].mean()))
    axes.plot(*here, "o", color=MARK_COLOUR, label=f"threshold {threshold:.3g}")
    axes.legend(loc="lower right", frameon=False)


def _reliability(axes: Any, truth: NDArray[np.bool_], chances: NDArray[np.float64], base: NDArray[np.float64]) -> None:
    import numpy as np

    axes.set(title="Reliability", xlabel="predicted probability", ylabel="observed share of level 4+")
    _unit_square(axes)
    axes.plot([0, 1], [0, 1], color=QUIET_COLOUR, linestyle=":", label="perfect")
    for name, scores, colour in (("baseline", base, BASELINE_COLOUR), ("model", chances, MODEL_COLOUR)):
        bins = np.minimum((scores * BIN_COUNT).astype(int), BIN_COUNT - 1)
        filled = [number for number in range(BIN_COUNT) if (bins == number).any()]
        predicted = [float(scores[bins == number].mean()) for number in filled]
        observed = [float(truth[bins == number].mean()) for number in filled]
        sizes = [20 + 160 * float((bins == number).mean()) for number in filled]
        axes.plot(predicted, observed, color=colour, linewidth=1.2)
        axes.scatter(predicted, observed, s=sizes, color=colour, label=name, zorder=3)
    axes.legend(loc="upper left", frameon=False, title="larger dot = more visits", title_fontsize="small")


def _deciles(axes: Any, truth: NDArray[np.bool_], chances: NDArray[np.float64]) -> None:
    import numpy as np

    axes.set(title="Deciles of the score", xlabel="tenth of visits, 1 = highest score", ylabel="share of level 4+")
    order = np.argsort(-chances, kind="stable")
    tenths = [part for part in np.array_split(order, BIN_COUNT) if len(part)]
    if not tenths:
        _say_why_empty(axes, "no visit")
        return
    numbers = list(range(1, len(tenths) + 1))
    axes.bar(numbers, [float(truth[part].mean()) for part in tenths], color=MODEL_COLOUR, alpha=0.75, label="observed")
    predicted = [float(chances[part].mean()) for part in tenths]
    axes.plot(numbers, predicted, "o-", color=MARK_COLOUR, linewidth=1.2, label="predicted")
    axes.set_xticks(numbers)
    axes.set_ylim(bottom=0)
    axes.legend(loc="best", frameon=False)


def _recall_precision(
    truth: NDArray[np.bool_], scores: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, _ = precision_recall_curve(truth, scores)
    return recall, precision, float(average_precision_score(truth, scores))


def _unit_square(axes: Any) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)


def _say_why_empty(axes: Any, reason: str) -> None:
    axes.text(0.5, 0.5, f"not drawn: {reason}", transform=axes.transAxes, ha="center", va="center", color=QUIET_COLOUR)
