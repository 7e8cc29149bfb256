"""Messages: the classes of the protocol's messages, made from `inference.proto` when this module is imported.

They live in a pool of their own: another client in this process may have registered the same names.
"""

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from holdtrue.serving.grpc.definition import read_definition

DEFINITION = read_definition(
    Path(__file__).with_name("inference.proto").read_text(encoding="utf-8"), name="holdtrue/inference.proto"
)
SERVICE = f"{DEFINITION.package}.{DEFINITION.service[0].name}"
_pool = DescriptorPool()
_pool.Add(DEFINITION)


def find_message(name: str) -> Any:
    """Return the class of a message, "ModelInferRequest" or, within another, "ModelInferResponse.InferOutputTensor"."""
    return GetMessageClass(_pool.FindMessageTypeByName(f"{DEFINITION.package}.{name}"))


def list_calls() -> dict[str, tuple[Any, Any]]:
    """Return for each call of the service the classes of its request and its response."""
    prefix = f".{DEFINITION.package}."
    return {
        method.name: (
            find_message(method.input_type.removeprefix(prefix)),
            find_message(method.output_type.removeprefix(prefix)),
        )
        for method in DEFINITION.service[0].method
    }
