"""Which of six gases does the sensor array smell? Its sensors age."""

from sklearn.ensemble import HistGradientBoostingClassifier

import holdtrue as ht


def train(data: ht.Dataset) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(max_iter=30, random_state=0).fit(data.features, data.label)


loop = ht.Loop(
    "gas-sensors",
    data=ht.table(
        "gas.parquet",
        key="sample_id",
        time="measured_at",
        label="gas",
        label_delay="1d",
        drop=["batch", "concentration_ppmv"],  # not known when one smells
    ),
    train=train,
)
