"""The command that classifies recordings."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from softlabels.cli.options import as_json, format_option

ENDINGS = (
    *(".aif", ".aifc", ".aiff", ".au", ".caf", ".flac", ".mp3", ".oga", ".ogg", ".opus"),
    *(".sph", ".voc", ".w64", ".wav"),
)
DIGITS = {"entropy": 3, "precision": 1, "start": 1, "end": 1}


@click.command(
    epilog="""\b
    Examples:
    softlabels classify results/model a.wav b.flac
    softlabels classify results/model recordings --format csv > emotions.csv
    softlabels classify results/model interview.wav --windows --picture over_time.png
    cat a.wav | softlabels classify results/model - --format json
    """
)
@click.argument("model", type=click.Path(exists=True, file_okay=False))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@format_option("text", "json", "csv")
@click.option("--windows", "by_window", is_flag=True, help="A row for every window of 40 s.")
@click.option(
    "--picture", type=click.Path(dir_okay=False), metavar="PNG", help="With --windows: a picture."
)
@click.option("--pretrained", help="Where the pretrained encoder is: a folder or an id on the hub.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=16,
    show_default=True,
    help="Recordings at once.",
)
def classify(
    model: str,
    files: Sequence[str],
    form: str,
    by_window: bool,
    picture: str | None,
    pretrained: str | None,
    batch_size: int,
) -> None:
    """Classify recordings by a trained model.

    MODEL is the folder that a training left. FILE is a recording in any format that soundfile
    reads, or a folder: all audio in it, by its ending, and in the folders within; - is standard
    input. A label in brackets stands where the model abstains. A file that can't be read is
    named, and the exit code is 1 at the end.

    A recording of more than 40 s is cut into windows of 40 s that overlap by 20 s; its row is the
    mean of its windows. The picture shows each recording's distribution over time. Nothing in
    MODEL is run.
    """
    if picture and not by_window:
        raise click.UsageError("--picture is of windows: give --windows too")
    import torch

    from softlabels.features.audio import read_mono
    from softlabels.features.frontends import SAMPLE_RATE
    from softlabels.inference.classifier import SoftLabelClassifier
    from softlabels.progress import progress

    classifier = SoftLabelClassifier.from_folder(model, pretrained)
    if classifier.settings.notice:
        click.echo(f"Note: {classifier.settings.notice}", err=True)
    paths = [path for file in files for path in _recordings(file)]
    read: list[str] = []

    def wavs() -> Iterator[torch.Tensor]:
        with progress("Recordings", len(paths), "file") as bar:
            for path in paths:
                try:
                    wav = read_mono(sys.stdin.buffer.read() if path == "-" else path, SAMPLE_RATE)
                except ValueError as error:
                    place = "standard input: " if path == "-" else ""
                    click.echo(f"Error: {place}{error}", err=True)
                else:
                    read.append(click.format_filename(path))  # a name need not be text
                    yield wav
                bar.update(1)

    results = classifier.classify_files(wavs(), batch_size, SAMPLE_RATE)
    make = _window_rows if by_window else _rows
    rows = [row for file, result in zip(read, results, strict=True) for row in make(file, result)]
    if rows:
        click.echo(lay_out(rows, form), nl=False)
    if picture and read:
        _draw(dict(zip(read, (result.windows for result in results), strict=True)), picture)
    if not by_window and any(row["windows"] > 1 for row in rows):
        click.echo(
            "Note: a recording of several windows has their mean, and whether the model abstains "
            "is judged by a threshold set on single clips; --windows gives each window",
            err=True,
        )
    if len(read) < len(paths):
        sys.exit(1)


def _recordings(file: str) -> list[str]:
    """List a folder's audio, or the file itself."""
    if not os.path.isdir(file):
        return [file]
    inside = sorted(path for path in Path(file).rglob("*") if path.is_file())
    audio = [
        str(path)
        for path in inside
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    ]
    if not audio:
        raise ValueError(f"{file} holds no audio; the endings are {', '.join(ENDINGS)}")
    if others := len(inside) - len(audio):
        click.echo(f"Note: {file}: {others} other files are left out", err=True)
    return audio


def _rows(file: str, result: Any) -> list[dict[str, Any]]:
    return [
        {
            "file": file,
            "label": result.label,
            "abstained": result.abstained,
            "entropy": result.entropy,
            **({} if result.precision is None else {"precision": result.precision}),
            "windows": len(result.windows),
            "distribution": result.distribution,
        }
    ]


def _window_rows(file: str, result: Any) -> list[dict[str, Any]]:
    return [
        {
            "file": file,
            "start": window.start,
            "end": window.end,
            "label": window.label,
            "distribution": window.distribution,
        }
        for window in result.windows
    ]


def _draw(windows: dict[str, Any], picture: str) -> None:
    from softlabels.files import write
    from softlabels.report.over_time import draw_over_time

    drawn = io.BytesIO()
    draw_over_time(windows, drawn)
    write(picture, drawn.getvalue())


def lay_out(rows: Sequence[dict[str, Any]], layout: str) -> str:
    """Lay classifications out.

    Arguments
    ---------
    rows : sequence of dict
        One or more, with the same keys. ``file``, ``label`` and ``distribution`` are needed.
        With ``abstained``, text has the label in brackets in place of a column.
    layout : str
        'text', 'json' or 'csv'.

    Returns
    -------
    text : str
        With a line's end at the end.

    Example
    -------
    >>> row = {"file": "a.wav", "label": "sad", "abstained": True, "entropy": 0.69}
    >>> rows = [{**row, "distribution": {"happy": 0.46, "sad": 0.54}}]
    >>> print(lay_out(rows, "text"), end="")
    file   label  entropy  happy  sad
    a.wav  [sad]  0.690    0.46   0.54
    >>> print(lay_out(rows, "csv"), end="")
    file,label,abstained,entropy,p_happy,p_sad
    a.wav,sad,true,0.69,0.46,0.54
    """
    if layout == "json":
        return as_json(rows) + "\n"
    columns = [name for name in rows[0] if name != "distribution"]
    classes = [*rows[0]["distribution"]]
    if layout == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([*columns, *(f"p_{name}" for name in classes)])
        for row in rows:
            cells = [
                str(row[name]).lower() if name == "abstained" else row[name] for name in columns
            ]
            writer.writerow([*cells, *row["distribution"].values()])
        return out.getvalue()
    columns = [name for name in columns if name != "abstained"]
    table = [[*columns, *classes]]
    for row in rows:
        shares = [f"{share:.2f}" for share in row["distribution"].values()]
        table.append([*(_cell(row, name) for name in columns), *shares])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
    return "\n".join(lines) + "\n"


def _cell(row: dict[str, Any], name: str) -> str:
    """One value as text."""
    if name in DIGITS:
        return f"{row[name]:.{DIGITS[name]}f}"
    text = str(row[name]).replace("\n", "\\n")
    return f"[{text}]" if name == "label" and row.get("abstained") else text
