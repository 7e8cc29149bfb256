"""What share of visits will be for influenza-like illness in four weeks? Asked when a week's figures are published."""

from sklearn.ensemble import HistGradientBoostingRegressor

import holdtrue as ht


def train(data: ht.Dataset) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(random_state=0).fit(data.features, data.label)


loop = ht.Loop(
    "influenza",
    data=ht.table(
        "flu.parquet",
        time="published_at",  # not week_start: the row is not known before its week's figures are out
        label="ili_in_4_weeks",
        label_time="label_published_at",
        drop=["week_start"],
    ),
    train=train,
)
