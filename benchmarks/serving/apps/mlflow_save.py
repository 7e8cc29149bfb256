"""The model as an MLflow folder, made by MLflow itself from the same file."""

import sys

from loading import FILE, FOLDER, HAS_TEXTS, load_pipeline, read_example

target = sys.argv[1]
if HAS_TEXTS:
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import infer_signature

    class Proba(mlflow.pyfunc.PythonModel):
        def load_context(self, context):
            self.pipeline = load_pipeline()

        def predict(self, context, model_input, params=None):
            return self.pipeline.predict_proba(model_input)[:, 1]

    frame = pd.DataFrame([read_example()])
    mlflow.pyfunc.save_model(target, python_model=Proba(), signature=infer_signature(frame), pip_requirements=[])
else:
    import lightgbm
    import mlflow.lightgbm

    mlflow.lightgbm.save_model(lightgbm.Booster(model_file=FOLDER / FILE), target, pip_requirements=[])
