"""MLServer: the scikit-learn pipeline as a runtime of its own, since its own one reads joblib files only."""

from loading import load_pipeline
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, PandasCodec
from mlserver.types import InferenceResponse


class PipelineModel(MLModel):
    async def load(self):
        self.pipeline = load_pipeline()
        return True

    async def predict(self, payload):
        frame = self.decode_request(payload, default_codec=PandasCodec)
        answers = self.pipeline.predict_proba(frame)[:, 1]
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("predict", answers)])
