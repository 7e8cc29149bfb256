"""Changed files of a model, the same for the same seed: what a disk, a network or a stranger does to bytes."""

import json
import random
from collections.abc import Iterator

from holdtrue.domain import Signature
from holdtrue.environments import ProcessEnvironment
from holdtrue.errors import FormatRefused, TrainingFailed
from holdtrue.registry import check_model
from holdtrue.validation import admission

N_MUTANTS = 120


def mutate(data: bytes, *, seed: int = 0, n: int = N_MUTANTS) -> Iterator[bytes]:
    """Yield copies with bytes flipped, cut out, doubled, overwritten with large numbers, or the end cut off."""
    dice = random.Random(seed)
    for number in range(n):
        changed = bytearray(data)
        for _ in range(dice.choice((1, 1, 2, 8))):
            place = dice.randrange(4, len(changed))
            kind = number % 5
            if kind == 0:
                changed[place] ^= 1 << dice.randrange(8)
            elif kind == 1:
                del changed[place : place + dice.choice((1, 4, 50))]
            elif kind == 2:
                changed[place:place] = changed[place : place + dice.choice((1, 8, 200))]
            elif kind == 3:
                changed[place : place + 4] = dice.choice(
                    (b"\xff\xff\xff\x7f", b"\x80\x00\x00\x00", b"9999", b"\0\0\0\0")
                )
            else:
                del changed[place:]
            if len(changed) < 16:
                break
        yield bytes(changed)


def mutate_numbers(model: object, *, seed: int = 0, n: int = N_MUTANTS) -> Iterator[object]:
    """Yield copies of what JSON holds with one to four of its numbers replaced: changes that every reader takes."""
    dice = random.Random(seed)
    for _ in range(n):
        changed = json.loads(json.dumps(model))
        lists = [each for each in _find_lists(changed) if each and isinstance(each[0], int | float)]
        for _ in range(dice.choice((1, 1, 2, 4))):
            chosen = dice.choice(lists)
            place = dice.randrange(len(chosen))
            near = dice.choice(chosen) if isinstance(chosen[place], int) else chosen[place] * 3
            chosen[place] = dice.choice((near, near, -1, 0, 1, 2, 2**31 - 1, 1e38, -1e-30))
        yield changed


def _find_lists(part: object) -> Iterator[list[object]]:
    if isinstance(part, list):
        yield part
    for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _find_lists(value)


def try_mutants(mutants: Iterator[bytes], signature: Signature, sample: list[dict[str, object]]) -> dict[str, int]:
    """Take mutants the way of admission, in one warm child that is replaced when it dies; count what became of them."""
    from hashlib import sha256
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import msgspec

    counts = {"refused_by_structure": 0, "refused_by_child": 0, "killed_the_child": 0, "admitted": 0}
    with TemporaryDirectory() as folder, ProcessEnvironment(variables={"OMP_NUM_THREADS": "1"}) as child:
        file = Path(folder) / "model"
        for data in mutants:
            try:
                found = check_model(data)
            except FormatRefused:
                counts["refused_by_structure"] += 1
                continue
            file.write_bytes(data)
            payload = {
                "path": str(file), "seconds": 120.0, "sha256": sha256(data).hexdigest(), "format": found.value,
                "signature": msgspec.to_builtins(signature), "sample": sample,
            }  # fmt: skip
            try:
                child.submit(admission.TRY_ENTRY, payload, timeout_seconds=60).result()
            except (FormatRefused, TrainingFailed) as problem:
                died = "ended by" in str(problem) or "still running" in str(problem)
                counts["killed_the_child" if died else "refused_by_child"] += 1
            else:
                counts["admitted"] += 1
    return counts
