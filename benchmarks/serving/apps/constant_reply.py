"""The reply of a constant answer: as long as a whole V2 reply of a classifier."""

import json

BODY = json.dumps(
    {
        "model_name": "cheap",
        "model_version": "1",
        "outputs": [
            {
                "name": "probabilities",
                "datatype": "FP64",
                "shape": [1, 2],
                "data": [0.2871341241234123, 0.7128658758765877],
                "parameters": {"classes": ["false", "true"]},
            },
            {"name": "label", "datatype": "BYTES", "shape": [1], "data": ["true"]},
            {"name": "prediction_id", "datatype": "BYTES", "shape": [1], "data": ["bd1614e3480440dd957bc3c58b702e16"]},
            {"name": "version", "datatype": "BYTES", "shape": [1], "data": ["v1"]},
            {"name": "role", "datatype": "BYTES", "shape": [1], "data": ["champion"]},
        ],
    },
    separators=(",", ":"),
).encode()
