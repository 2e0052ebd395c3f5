"""The address at which TensorBoard shows one run alone: its curves as they are, its pictures on top."""

import base64
import json
import re
from pathlib import Path
from urllib.parse import quote, urlencode

NEWEST, RUN = "/newest", "/run/"
"""Short addresses: paths that lead to the run written last, and to the one that follows."""
EVENTS, VECTORS = "*tfevents*", "projector_config.pbtxt"
PART = re.compile(r"(prompt|sample)-\d+")
"""How the folder of one of several continuations begins its name."""
IMAGES = ("softmax/most_likely", "softmax/step")
"""Tags of pictures on top, of a continuation."""
SCALARS = ("word/surprisal", "train/loss", "validation/perplexity")
"""Tags of curves on top; TensorBoard leaves out those that there are not."""


def newest(folder: Path) -> str | None:
    """The run in which something was written last, by its path below a folder; None where there is none.

    The continuations of one call count as one run, which is the call's.
    """
    times = {file.parent: file.stat().st_mtime for file in sorted(folder.rglob(EVENTS))}
    if not times:
        return None
    path = max(times, key=lambda parent: times[parent]).relative_to(folder)
    while PART.match(path.name):
        path = path.parent
    return path.as_posix()


def address(folder: Path, run: str) -> str:
    """Of one of the runs in a folder: a path, query and fragment of TensorBoard's."""
    if (folder / run / VECTORS).is_file():
        return f"/#projector&run={quote(run, safe='')}"
    parts = sorted(file.parent.relative_to(folder).as_posix() for file in (folder / run).rglob(EVENTS))
    below = [part for part in parts if part != run] or parts[:1]
    pins = [_image(tag, part) for tag in IMAGES[:1] for part in below[:1]]
    pins += [{"plugin": "scalars", "tag": tag} for tag in SCALARS]
    pins += [_image(tag, part) for tag in IMAGES[1:] for part in below[:1]] + [_image("text/surprisal", run)]
    plain = re.sub(r"[^\w/ -]", r"\\\g<0>", run)
    only = "" if run == "." else f"^{plain}(/|$)"
    query = {"smoothing": "0", "pinnedCards": json.dumps(pins, separators=(",", ":")), "runFilter": only}
    chosen = base64.b64encode(json.dumps(dict.fromkeys(parts, True)).encode()).decode()
    fragment = {"runSelectionState": chosen, "regexInput": only}
    return f"/?{_joined(query)}#timeseries&{_joined(fragment)}"


def short_address(root: str, run: str = "") -> str:
    """Where a TensorBoard at an address shows one run alone: the newest, if none is named."""
    return root.rstrip("/") + (RUN + quote(run) if run else NEWEST)


def _image(tag: str, run: str) -> dict[str, str | int]:
    return {"plugin": "images", "tag": tag, "runId": f"defaultExperimentId/{run}", "sample": 0}


def _joined(values: dict[str, str]) -> str:
    return urlencode({name: value for name, value in values.items() if value}, quote_via=quote, safe="")
