"""gRPC: the Open Inference Protocol V2 as its gRPC service, beside HTTP and by the same router."""
