"""Picture: what a step kept of its work, as an image inside a page: nothing in it runs, and nothing is fetched."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from holdtrue.domain import Figure, Run

_MEDIA = {"png": "image/png", "svg": "image/svg+xml"}
# A page with more than so many bytes of pictures is slow to open; what is beyond is named.
MOST_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class Picture:
    """An image with its title; `address` holds its bytes."""

    title: str
    address: str


def lay_pictures(run: Run, data: Mapping[str, bytes]) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """Return the pictures of a run that can be shown, and sentences that name the others.

    Args:
        run: whose steps kept them.
        data: the bytes that are there, by their digest.
    """
    pictures, named, n_bytes = [], [], 0
    for step, figure in run.figures:
        title = f"{figure.name}, kept by the step {step}"
        n_bytes += figure.n_bytes if figure.can_be_shown else 0
        if figure.can_be_shown and figure.artifact in data and n_bytes <= MOST_BYTES:
            pictures.append(Picture(title=title, address=_write_address(figure, data[figure.artifact])))
        else:
            size = f"{figure.kind}, {figure.n_bytes / 1e6:,.1f} MB"
            named.append(
                f"{title} ({size}), is not shown here: holdtrue runs show {run.run_id[:12]} --figures FOLDER writes it."
            )
    return tuple(pictures), tuple(named)


def _write_address(figure: Figure, data: bytes) -> str:
    return f"data:{_MEDIA[figure.kind]};base64,{b64encode(data).decode()}"
