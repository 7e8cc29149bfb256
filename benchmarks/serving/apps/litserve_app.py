"""LitServe, batches of 64."""

import litserve
from loading import PORT, load_score


class Bench(litserve.LitAPI):
    def setup(self, device):
        self.score = load_score()

    def decode_request(self, request):
        return request["row"]

    def batch(self, inputs):
        return inputs

    def unbatch(self, output):
        return list(output)

    def predict(self, rows):
        return self.score(rows)

    def encode_response(self, output):
        return {"probability": float(output)}


if __name__ == "__main__":
    server = litserve.LitServer(Bench(max_batch_size=64, batch_timeout=0.002), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning", num_api_servers=1)
