"""The command that classifies recordings."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence

import click

FORMATS = ("table", "json", "csv")


@click.command(
    epilog="""\b
    softlabels classify results/…/model a.wav b.flac
    softlabels classify --format csv model *.wav > emotions.csv
    cat a.wav | softlabels classify model -
    """
)
@click.argument("model", type=click.Path(exists=True, file_okay=False))
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
@click.option("--format", "layout", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--batch-size", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("--keep-going", is_flag=True, help="Leave out what can't be read; exit code 1 then.")
def classify(
    model: str, files: Sequence[str], layout: str, batch_size: int, keep_going: bool
) -> None:
    """Classify recordings by a trained MODEL, the folder that a training left.

    FILE is a recording in any format that soundfile reads; - is standard input. A
    label in brackets stands where the model abstains. Nothing in the folder is run.
    """
    import torch
    from tqdm import tqdm

    from softlabels.features.audio import read_mono
    from softlabels.features.frontends import SAMPLE_RATE
    from softlabels.inference.classifier import SoftLabelClassifier

    classifier = SoftLabelClassifier.from_folder(model)
    if classifier.settings.notice:
        click.echo(f"Note: {classifier.settings.notice}", err=True)
    read: list[str] = []

    def wavs() -> Iterator[torch.Tensor]:
        for file in tqdm(files, unit="file", delay=1, file=sys.stderr):
            try:
                audio = sys.stdin.buffer.read() if file == "-" else file
                wav = read_mono(audio, SAMPLE_RATE)
            except ValueError as error:
                told = f"standard input: {error}" if file == "-" else str(error)
                if not keep_going:
                    raise ValueError(told) from error
                click.echo(f"Error: {told}", err=True)
            else:
                read.append(click.format_filename(file))  # a name need not be text
                yield wav

    found = classifier.classify_files(wavs(), batch_size, SAMPLE_RATE)
    rows = [
        {
            "file": file,
            "label": said.label,
            "abstained": said.abstained,
            "entropy": said.entropy,
            "distribution": said.distribution,
        }
        for file, said in zip(read, found, strict=True)
    ]
    click.echo(lay_out(rows, classifier.settings.classes, layout), nl=False)
    if len(read) < len(files):
        sys.exit(1)


def lay_out(rows: Sequence[dict], classes: Sequence[str], layout: str) -> str:
    """Lay classifications out.

    Arguments
    ---------
    rows : sequence of dict
        Each with ``file``, ``label``, ``abstained``, ``entropy`` and ``distribution``.
    classes : sequence of str
        The classes, in the order of columns.
    layout : str
        'table', 'json' or 'csv'.

    Returns
    -------
    text : str
        With a line's end at the end.

    Example
    -------
    >>> row = {"file": "a.wav", "label": "sad", "abstained": True, "entropy": 0.69}
    >>> rows = [{**row, "distribution": {"happy": 0.46, "sad": 0.54}}]
    >>> print(lay_out(rows, ["happy", "sad"], "table"), end="")
    file   label  entropy  happy  sad
    a.wav  [sad]    0.690  0.46   0.54
    >>> print(lay_out(rows, ["happy", "sad"], "csv"), end="")
    file,label,abstained,entropy,p_happy,p_sad
    a.wav,sad,true,0.69,0.46,0.54
    """
    if layout == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"
    if layout == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        names = ["file", "label", "abstained", "entropy"]
        writer.writerow([*names, *(f"p_{name}" for name in classes)])
        for row in rows:
            cells = [row["file"], row["label"], str(row["abstained"]).lower(), row["entropy"]]
            writer.writerow([*cells, *(row["distribution"][name] for name in classes)])
        return out.getvalue()
    table = [["file", "label", "entropy", *classes]]
    for row in rows:
        label = f"[{row['label']}]" if row["abstained"] else row["label"]
        shares = [f"{row['distribution'][name]:.2f}" for name in classes]
        name = row["file"].replace("\n", "\\n")
        table.append([name, label, f"{row['entropy']:7.3f}", *shares])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in table]
    return "\n".join(lines) + "\n"
