"""Checkpoints that are complete or absent."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

from speechbrain.utils.checkpoints import Checkpoint, Checkpointer


class CompleteCheckpointer(Checkpointer):
    """SpeechBrain's Checkpointer, safe against being killed while it writes or deletes.

    SpeechBrain writes ``CKPT.yaml`` before the parameters, so that half a
    checkpoint can be chosen as the best. Here it grows under another name and is
    renamed when whole, and one in which a file is missing or cut short isn't listed.

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

    def save_checkpoint(self, *args: Any, **kwargs: Any) -> Checkpoint | None:
        """As `Checkpointer.save_checkpoint`, which also says what the arguments are."""
        try:
            saved = super().save_checkpoint(*args, **kwargs)
        except (OSError, RuntimeError) as error:  # torch's, of a full disk, tells no place
            raise OSError(
                f"no checkpoint can be written to {self.checkpoints_dir} ({error}): make room and "
                "start again; earlier ones are kept"
            ) from error
        if saved is None:  # not the main process
            return None
        final = super()._new_checkpoint_dirpath()
        os.replace(saved.path, final)
        files = {name: final / file.name for name, file in saved.paramfiles.items()}
        return Checkpoint(final, saved.meta, files)

    def list_checkpoints(self) -> list[Checkpoint]:
        """List the complete checkpoints; damaged ones are passed by."""
        wanted, found = set(self.recoverables), []
        for folder in self._list_checkpoint_dirs():
            try:
                (checkpoint,) = self._construct_checkpoint_objects([folder])
            except Exception:  # whatever a parser raises of a CKPT.yaml that was cut short
                continue
            told = isinstance(checkpoint.meta, dict) and wanted <= set(checkpoint.paramfiles)
            if told and all(map(_is_whole, checkpoint.paramfiles.values())):
                found.append(checkpoint)
        return found

    def _new_checkpoint_dirpath(self) -> Path:
        growing = Path(self.checkpoints_dir) / "unfinished"
        shutil.rmtree(growing, ignore_errors=True)  # of a run that was killed
        return growing


def _is_whole(file: Path) -> bool:
    """Whether a file is no cut one: what torch saves is a zip, whose directory is its end."""
    with open(file, "rb") as opened:
        start = opened.read(2)
    return bool(start) and (start != b"PK" or zipfile.is_zipfile(file))
