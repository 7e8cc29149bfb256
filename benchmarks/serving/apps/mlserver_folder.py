"""MLServer's settings, in the folder that it serves; adaptive batching, in one process (its quicker mode)."""

import json
import sys
from pathlib import Path

from loading import FILE, FOLDER, HAS_TEXTS, NAME, PORT

target = Path(sys.argv[1])
target.mkdir(parents=True, exist_ok=True)
settings = {"debug": False, "host": "127.0.0.1", "http_port": PORT, "grpc_port": PORT + 1, "metrics_port": PORT + 2}
(target / "settings.json").write_text(json.dumps({**settings, "parallel_workers": 0, "use_structured_logging": False}))
model = {
    "name": NAME,
    "implementation": "mlserver_runtime.PipelineModel" if HAS_TEXTS else "mlserver_lightgbm.LightGBMModel",
    "max_batch_size": 64,
    "max_batch_time": 0.002,
    "parameters": {"uri": str(FOLDER / FILE), "version": "1"},
}
(target / "model-settings.json").write_text(json.dumps(model))
