"""Checkpoints that are complete, undamaged and in order, or not used."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechbrain.utils.checkpoints import METAFNAME, Checkpoint, Checkpointer, ckpt_recency

from softlabels.seal import check_seal, seal, sealed_files

logger = logging.getLogger(__name__)

PREFIX = "CKPT+"  # and the checkpoint's number


class CompleteCheckpointer(Checkpointer):
    """SpeechBrain's Checkpointer, safe against kills, changed bytes and changes of clock.

    SpeechBrain writes ``CKPT.yaml`` before the parameters, so that half a checkpoint can be
    chosen as the best. Here it grows under another name and is renamed when whole; it is
    renamed before it is deleted; and it holds digests of its files, checked before it is used.

    A damaged checkpoint isn't listed, nor are those after it: had the damaged one been the
    best, a training that went on from later ones would end with another best and other
    results. So a resumed training repeats what it must, and ends as if nothing had happened.

    Example
    -------
    >>> import torch, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     saver = CompleteCheckpointer(folder, {"layer": torch.nn.Linear(1, 1)})
    ...     saved = saver.save_checkpoint(meta={"UA": 0.5})
    ...     (saved.path / "layer.ckpt").unlink()
    ...     saver.list_checkpoints()
    []
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._trusted: set[Path] = set()  # checkpoints that this process has listed
        self._named: set[Path] = set()  # damaged files that the log names
        self._read: dict[tuple[Path, int], Checkpoint] = {}  # by the time of change of its meta

    def save_checkpoint(
        self, meta: Mapping[str, Any] | None = None, *args: Any, **kwargs: Any
    ) -> Checkpoint | None:
        """As `Checkpointer.save_checkpoint`, whose documentation lists the arguments.

        Raises
        ------
        OSError
            If nothing can be written, or a checkpoint was damaged since training began.
        """
        listed = self.list_checkpoints()
        unused = set(_folders(self.checkpoints_dir)) - {each.path for each in listed}
        if lost := sorted(unused & self._trusted):
            raise OSError(
                f"{lost[0]} was damaged while training went on: start again, and it goes on from "
                "before"
            )
        newest = max((each.meta["unixtime"] for each in listed), default=0.0)
        timed = {"unixtime": max(time.time(), newest + 1e-3)}  # the clock may have been set back
        try:
            saved = super().save_checkpoint({**timed, **(meta or {})}, *args, **kwargs)
            if saved is None:  # not the main process
                return None
            seal(saved.path)
        except (OSError, RuntimeError) as error:  # torch's, of a full disk, names no place
            raise OSError(
                f"no checkpoint can be written to {self.checkpoints_dir} ({error}): make room and "
                "start again; earlier ones are kept"
            ) from error
        number = max(map(_number, _folders(self.checkpoints_dir)), default=0) + 1
        final = Path(self.checkpoints_dir) / f"{PREFIX}{number:06d}"
        os.replace(saved.path, final)
        for folder in unused:  # training went on from before them
            _remove(folder)
        self._trusted.add(final)
        files = {name: final / file.name for name, file in saved.paramfiles.items()}
        return Checkpoint(final, saved.meta, files)

    def list_checkpoints(self) -> list[Checkpoint]:
        """List the checkpoints up to the first damaged one, which the log names."""
        checkpoints: list[Checkpoint] = []
        for folder in _folders(self.checkpoints_dir):
            missing = {f"{name}.ckpt" for name in self.recoverables} - set(sealed_files(folder))
            damaged = check_seal(folder) or [folder / name for name in sorted(missing)]
            if damaged:
                if damaged[0] not in self._named:
                    logger.warning(
                        "%s is damaged or missing: this checkpoint and later ones aren't used, "
                        "and training goes on from before",
                        damaged[0],
                    )
                self._named.add(damaged[0])
                break
            version = (folder, os.stat(folder / METAFNAME).st_ctime_ns)
            if version not in self._read:  # YAML is slow, and several lists are made in an epoch
                (self._read[version],) = self._construct_checkpoint_objects([folder])
            checkpoints.append(self._read[version])
            self._trusted.add(folder)
        return checkpoints

    def _new_checkpoint_dirpath(self) -> Path:
        growing = Path(self.checkpoints_dir) / "unfinished"
        shutil.rmtree(growing, ignore_errors=True)  # of a run that was killed
        return growing

    def delete_checkpoints(
        self,
        *,
        num_to_keep: int = 1,
        min_keys: Sequence[str] | None = None,
        max_keys: Sequence[str] | None = None,
        importance_keys: Sequence[Callable[[Checkpoint], Any]] = (ckpt_recency,),
        ckpt_predicate: Callable[[Checkpoint], bool] | None = None,
        verbosity: int = logging.INFO,
    ) -> None:
        """As `Checkpointer.delete_checkpoints`, but none is left half deleted."""
        keys: list[dict[str, Any]] = [{"min_key": key} for key in min_keys or ()]
        keys += [{"max_key": key} for key in max_keys or ()]
        keys += [{"importance_key": key} for key in importance_keys]
        kept, considered = set[Path](), set[Path]()
        for key in keys:
            ranked = self.find_checkpoints(ckpt_predicate=ckpt_predicate, **key)
            kept.update(each.path for each in ranked[:num_to_keep])
            considered.update(each.path for each in ranked)
        for folder in sorted(considered - kept):
            _remove(folder)
            self._trusted.discard(folder)
            logger.log(verbosity, "Deleted checkpoint in %s", folder)


def damaged(checkpoints_dir: str | os.PathLike[str]) -> list[Path]:
    """Return the files of checkpoints whose bytes have changed or that are missing.

    Example
    -------
    >>> damaged("nowhere")
    []
    """
    return [file for folder in _folders(checkpoints_dir) for file in check_seal(folder)]


def _folders(checkpoints_dir: str | os.PathLike[str]) -> list[Path]:
    """The checkpoints' folders, in the order in which they were saved."""
    folders = [folder for folder in Path(checkpoints_dir).glob("CKPT*") if folder.is_dir()]
    return sorted(folders, key=lambda folder: (_number(folder), folder.name))


def _number(folder: Path) -> int:
    number = folder.name.removeprefix(PREFIX)
    return int(number) if number.isdecimal() else 0


def _remove(folder: Path) -> None:
    """Remove a checkpoint: however that ends, nothing half removed is left under its name."""
    removed = folder.with_name("removed")
    shutil.rmtree(removed, ignore_errors=True)
    os.replace(folder, removed)
    shutil.rmtree(removed)
