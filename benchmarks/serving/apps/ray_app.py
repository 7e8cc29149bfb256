"""Ray Serve with @serve.batch; HAProxy mode and throughput mode by Ray's own environment variables."""

import time

import ray
from loading import PORT, load_score
from ray import serve

QUIET = {"enable_access_log": False}


@serve.deployment(num_replicas=1, logging_config=QUIET, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Bench:
    def __init__(self):
        self.score = load_score()

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.002)
    async def answer(self, rows):
        return self.score(rows).tolist()

    async def __call__(self, request):
        return {"probability": await self.answer((await request.json())["row"])}


if __name__ == "__main__":
    ray.init(num_cpus=4, include_dashboard=False, object_store_memory=200 * 2**20, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": PORT}, logging_config=QUIET)
    serve.run(Bench.bind(), route_prefix="/predict")
    while True:
        time.sleep(60)
