"""How many bikes will be rented in this hour? Asked at the start of the hour, with its weather."""

from sklearn.ensemble import HistGradientBoostingRegressor

import holdtrue as ht


def train(data: ht.Dataset) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(random_state=0).fit(data.features, data.label)


loop = ht.Loop(
    "bike-rentals",
    data=ht.table(
        "bike.parquet",
        key="hour_id",
        time="hour_start",
        label="cnt",
        label_delay="1h",
        drop=["casual", "registered"],  # their sum is the label: a leak
    ),
    train=train,
)
