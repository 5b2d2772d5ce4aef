"""What made a results folder: the same identity continues, another never reuses it."""

from __future__ import annotations

import json
import logging
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import softlabels
from softlabels import files
from softlabels.encoders import AnnotationEncoder
from softlabels.errors import InputError
from softlabels.report.names import METRICS_FILE, RUN_FILE
from softlabels.seal import check_seal

logger = logging.getLogger(__name__)


class OtherRunError(InputError):
    """A results folder belongs to a run with another identity."""


def versions() -> dict[str, str]:
    """Return the versions of what computes a run's numbers.

    Returns
    -------
    versions : dict
        Package → version.

    Example
    -------
    >>> versions()["softlabels"] == softlabels.__version__
    True
    """
    import numpy
    import speechbrain
    import torch
    import torchaudio

    modules = (numpy, softlabels, speechbrain, torch, torchaudio)
    of_modules = {module.__name__: str(module.__version__) for module in modules}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **of_modules}


def results_folder(
    corpus: str,
    encoder: AnnotationEncoder,
    train_on: Sequence[str],
    frontend: str,
    fold: str,
    seed: int,
) -> str:
    """Name the folder of a run by the settings that differ most often between runs.

    Arguments
    ---------
    corpus : str
        The corpus' folder; its last part counts.
    encoder : AnnotationEncoder
        Whose targets are trained on.
    train_on : sequence of str
        The kinds of utterances trained on.
    frontend : str
        The front end's name.
    fold : str
        What is held out.
    seed : int
        The seed.

    Returns
    -------
    folder : str
        Relative to the working directory.

    Example
    -------
    >>> from softlabels import get_encoder
    >>> soft = get_encoder("modified_soft", ["happy", "sad"], alpha=1)
    >>> results_folder("/data/IEMOCAP", soft, ["clear"], "fbank", "session1", 7)
    'results/IEMOCAP/modified_soft_alpha=1.0/clear/fbank/session1/seed7'
    """
    target = "_".join([encoder.name, *(f"{k}={v}" for k, v in encoder.options.items())])
    kinds = "+".join(kind for kind in ("clear", "ambiguous") if kind in train_on)
    name = Path(corpus).absolute().name
    return f"results/{name}/{target}/{kinds}/{frontend}/{fold}/seed{seed}"


def plain_settings(hparams: Mapping[str, Any], without: set[str]) -> dict[str, Any]:
    """Pick a YAML's plain settings: numbers, words, lists and dictionaries of such.

    Arguments
    ---------
    hparams : dict
        The loaded YAML.
    without : set of str
        Keys to leave out: places, and what changes no number.

    Returns
    -------
    settings : dict
        Key → value as JSON has it.

    Example
    -------
    >>> plain_settings({"lr": 0.1, "model": object(), "output_folder": "x"}, {"output_folder"})
    {'lr': 0.1}
    """
    settings = {}
    for key, value in hparams.items():
        if key in without:
            continue
        try:
            settings[key] = json.loads(json.dumps(value))
        except TypeError:
            continue  # an object; the settings that built it stand at the top level
    return settings


def claim(folder: str | os.PathLike[str], identity: Mapping[str, Any]) -> None:
    """Take a results folder for a run, or refuse if it is another run's.

    It may be claimed again with more: known keys must match, what is
    new is added. A run that left neither checkpoint nor metrics holds nothing,
    nor do the metrics of one that only debugged.

    Arguments
    ---------
    folder : str or os.PathLike
        The results folder; made if absent.
    identity : dict
        What makes the run: nested dictionaries of JSON's types.

    Raises
    ------
    OtherRunError
        If the folder belongs to another identity; the message lists the differences.

    Example
    -------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     claim(folder, {"seed": 1})
    ...     claim(folder, {"seed": 1, "corpus": "a"})
    ...     _ = Path(folder, "metrics.json").write_text("{}")
    ...     claim(folder, {"seed": 2})
    Traceback (most recent call last):
    ...
    softlabels.training.identity.OtherRunError: ... holds another run:
      seed: 1 there, 2 now
    choose another --output_folder, or remove this one
    """
    known = check_claim(folder, identity)
    plain = _plain(identity)
    file = Path(folder) / RUN_FILE
    if not plain.items() <= known.items():
        if _differences(known, plain):
            (file.parent / METRICS_FILE).unlink(missing_ok=True)  # a debugging run's
        files.write(file, json.dumps({**known, **plain}, indent=2, ensure_ascii=False) + "\n")


def check_claim(folder: str | os.PathLike[str], identity: Mapping[str, Any]) -> dict[str, Any]:
    """Return a results folder's record of its run, or refuse if it is another's; see `claim`.

    Example
    -------
    >>> check_claim("nowhere", {"seed": 1})
    {}
    """
    remedy = "choose another --output_folder, or remove this one"
    file = Path(folder) / RUN_FILE
    known: dict[str, Any] = {}
    if file.exists():
        try:
            known = json.loads(file.read_text("utf-8"))
        except ValueError as error:
            raise OtherRunError(f"{file} can't be read ({error}); {remedy}") from error
    differences = _differences(known, _plain(identity))
    checkpoints = Path(folder).glob("save/checkpoints/CKPT*")
    if not known and any(checkpoints):
        raise OtherRunError(
            f"{folder} holds checkpoints, but no {RUN_FILE} identifies their run; {remedy}"
        )
    debugged = known.get("options", {}).get("debug")
    results = Path(folder, METRICS_FILE).exists() and not debugged
    if differences and (results or any(checkpoints)):
        if Path(folder, RUN_FILE) in check_seal(folder) and results:
            raise OtherRunError(f"{file} is damaged; {remedy}")
        threads = known.get("options", {}).get("threads")
        if len(differences) == 1 and differences[0].startswith("options.threads"):
            remedy = f"set OMP_NUM_THREADS={threads} to resume it, or " + remedy
        raise OtherRunError(
            f"{folder} holds another run:\n  " + "\n  ".join(differences) + f"\n{remedy}"
        )
    return known


def keep_results(folder: str | os.PathLike[str]) -> None:
    """Refuse to test a finished run again where that could change good results.

    Raises
    ------
    InputError
        If the results folder holds a finished run and a file of its checkpoints is damaged or
        missing. Damaged results alone are written anew, which the log reports.
    """
    from softlabels.training.checkpoints import damaged  # needs SpeechBrain; the report doesn't

    place = Path(folder)
    if not (place / METRICS_FILE).exists():
        return
    results = check_seal(place)
    if checkpoints := damaged(place / "save/checkpoints"):
        names = ", ".join(str(file.relative_to(place)) for file in [*checkpoints, *results])
        raise InputError(
            f"{place} holds a finished run of which these files are damaged or missing: {names}. "
            "Nothing was changed: its other results are as they were. To train anew, remove the "
            "folder or choose another --output_folder"
        )
    for file in results:
        logger.warning("%s is damaged or missing; it is written anew", file)


def _plain(identity: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: a tuple is a list."""
    plain: dict[str, Any] = json.loads(json.dumps(identity))
    return plain


def _differences(known: Mapping[str, Any], identity: Mapping[str, Any]) -> list[str]:
    """Return in what two identities differ, in the parts that both have."""
    there, now = _flat({key: known[key] for key in identity if key in known}), _flat(identity)
    return [
        f"{key}: {there.get(key, 'absent')!r} there, {now.get(key, 'absent')!r} now"
        for key in sorted({*there, *now})
        if key.partition(".")[0] in known and there.get(key) != now.get(key)
    ]


def is_finished(folder: str | os.PathLike[str], identity: Mapping[str, Any]) -> bool:
    """Return whether a results folder holds the finished, undamaged run of this identity.

    Example
    -------
    >>> is_finished("nowhere", {"seed": 1})
    False
    """
    if check_seal(folder):
        return False
    known = json.loads(Path(folder, RUN_FILE).read_text("utf-8"))
    return all(known.get(key) == value for key, value in _plain(identity).items())


def _flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, dict) and value:
            flat.update(_flat(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
