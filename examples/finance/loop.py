"""Will the client subscribe to a term deposit? Asked before each call of a bank's campaign in the crisis of 2008."""

from sklearn.ensemble import HistGradientBoostingClassifier

import holdtrue as ht


def train(data: ht.Dataset) -> HistGradientBoostingClassifier:
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=0)
    return model.fit(data.features, data.label)


loop = ht.Loop(
    "term-deposits",
    data=ht.table(
        "bank.parquet",
        key="client_id",
        time="contacted_at",
        label="subscribed",
        label_delay="1d",
        drop=["duration"],  # how long the call took is known only after it: a leak
    ),
    train=train,
)
