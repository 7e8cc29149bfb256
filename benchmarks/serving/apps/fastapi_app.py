"""FastAPI and pydantic by hand: what a good engineer writes in an hour; no log, no metrics, no versions."""

import uvicorn
from fastapi import FastAPI
from loading import HAS_TEXTS, PORT, load_score, read_example
from pydantic import BaseModel, ConfigDict, create_model

EXAMPLE = read_example()
# The same as thirty lines of `f00: float`.
Row = create_model(
    "Row",
    __config__=ConfigDict(extra="forbid", allow_inf_nan=False),
    **{name: (type(value), ...) for name, value in EXAMPLE.items()},
)


class Answer(BaseModel):
    probability: float
    label: bool


app = FastAPI()
score = load_score()
names = list(EXAMPLE)


@app.post("/predict")
async def predict(row: Row) -> Answer:
    given = row.model_dump() if HAS_TEXTS else [getattr(row, name) for name in names]
    probability = float(score([given])[0])
    return Answer(probability=probability, label=probability > 0.5)


uvicorn.run(app, port=PORT, loop="uvloop", http="httptools", access_log=False, log_level="warning")
