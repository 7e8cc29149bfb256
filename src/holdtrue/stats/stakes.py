"""Stakes: how a bettor that joins a detector with a batch spreads what he has over the bets.

Any spread keeps the guarantee of an e-detector (arXiv 2203.03532), as long as it hangs on what was known before the
batch's values alone: its number of rows, and how earlier rows lay. Spread evenly, most of the stake lies on bets that
are too bold or too timid for the traffic, and the evidence has to make up for that: a day, where errors rise from 10 to
15 % at 100 labels a day.
"""

from __future__ import annotations

import numpy as np

from .sample import Floats

# The bet in the middle is the best one against the rise that it alone would find in so many batches ...
MIDDLE_BATCHES = 10.0
# ... gaining so much: the logarithm of a year of days, and what the spread itself costs.
MIDDLE_GAIN = 8.0
# Until rows have been seen, they vary as much as rows of that mean can: as so many rows would.
FIRST_ROWS = 10.0


def lay_stakes(bets: Floats, *, n_rows: Floats, variances: Floats, design_effects: Floats) -> Floats:
    """Return the stake on each bet, 1 on average: half as much for each doubling away from the middle.

    A bet L gains about L^2 v / 2 a row against the rise that it is best for, tempered by the design effect; so
    the middle is where n batches of that many rows gain `MIDDLE_GAIN`, kept within the grid. Of the stake 1 / design
    effect lies so, the rest evenly.

    Args:
        bets: signed bets, each half of the one before, shape (n_members, n_bets).
        n_rows: rows of the batch of each member, shape (n_members,).
        variances: mean square of a row's distance from the mean that is in order, before this batch.
        design_effects: by which the gains are divided.

    >>> bets = np.array([[8.0, 4.0, 2.0, 1.0, 0.5, 0.25]])
    >>> one = np.ones(1)
    >>> lay_stakes(bets, n_rows=100 * one, variances=0.1 * one, design_effects=one).round(2).tolist()
    [[0.14, 0.28, 0.55, 1.1, 2.21, 1.72]]
    """
    sizes = np.abs(bets)
    gained = np.maximum(n_rows, 1) * MIDDLE_BATCHES * np.maximum(variances, 1e-300) / design_effects
    middles = np.clip(np.sqrt(2 * MIDDLE_GAIN / gained), sizes.min(axis=1), sizes.max(axis=1))
    fitting = 0.5 ** np.abs(np.log2(sizes / middles[:, None]))
    # Tempering is no theorem: the more days move together, the less is staked on what it says of them.
    trust = 1 / design_effects[:, None]
    spread: Floats = trust * fitting / fitting.mean(axis=1, keepdims=True) + (1 - trust)
    return spread


def learn_variances(*, low: float, high: float, means: Floats, n_rows: Floats, sums: Floats) -> Floats:
    """Return the mean square of a row's distance from each mean, as known from rows so far and from the range.

    Args:
        low: smallest possible value of a row.
        high: largest possible value of a row.
        means: the mean that is in order of each member, shape (n_members,).
        n_rows: rows of each member so far.
        sums: sum of the squares of their distances from that mean.
    """
    widest = (means - low) * (high - means)
    learned: Floats = (FIRST_ROWS * widest + sums) / (FIRST_ROWS + n_rows)
    return learned
