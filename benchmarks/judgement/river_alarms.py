"""Where river's detectors alarm on a stream, by the Python of its environment: river_alarms.py LOSSES ERRORS (text).

Prints JSON: for each detector the places (rows) of its alarms. All have river's defaults.
"""

import json
import sys
from pathlib import Path

from river import drift


def main() -> None:
    losses, errors = ([float(x) for x in Path(path).read_text(encoding="utf-8").split()] for path in sys.argv[1:])
    found: dict[str, list[int]] = {}
    for name, detector, stream in (
        ("ADWIN", drift.ADWIN(), losses),
        ("Page-Hinkley", drift.PageHinkley(mode="up"), losses),
        ("DDM", drift.binary.DDM(), errors),
    ):
        found[name] = []
        for place, value in enumerate(stream):
            detector.update(value)
            if detector.drift_detected:
                found[name].append(place)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
