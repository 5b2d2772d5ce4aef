"""The command that writes a trained model as ONNX."""

from __future__ import annotations

import os

import click


@click.command(
    epilog="""\b
    Example:
    softlabels export results/model model.onnx
    """
)
@click.argument("model", type=click.Path(exists=True, file_okay=False))
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--pretrained", help="Where the pretrained encoder is: a folder or an id on the hub.")
def export(model: str, file: str, pretrained: str | None) -> None:
    """Write a trained model as ONNX.

    MODEL is the folder that a training left. FILE needs neither torch nor this package. Its
    input is audio at 16 kHz where the front end can be in it: mfcc, fbank, fbank80, and Whisper's
    encoder. Of acoustic47 and the other encoders it is features; which, the file's metadata
    name. Batch and length are free. FILE is checked against MODEL, and replaced as a whole. It
    takes pip install softlabels[onnx].
    """
    from softlabels.errors import InputError
    from softlabels.files import write
    from softlabels.inference.export import INPUTS, metadata, to_onnx
    from softlabels.inference.loading import load_model

    if os.path.splitext(file)[1] != ".onnx":
        raise InputError(f"{file}: the name of an ONNX file must end in .onnx")
    settings, network, front_end = load_model(model, pretrained)
    data = to_onnx(settings, network, front_end)
    write(file, data)
    values, counts = INPUTS[metadata(settings, front_end)["input"]]
    outputs = "probabilities" + (", precision" if settings.output == "dirichlet" else "")
    click.echo(
        f"{file}: {values}, {counts} → {outputs} of {', '.join(settings.classes)} "
        f"({len(data) / 1e6:.1f} MB)"
    )
    if values == "features":
        click.echo(
            f"Note: the features are those of {_name(settings.frontend)}, made outside of the "
            "file; docs/model.md shows how",
            err=True,
        )


def _name(frontend: object) -> str:
    return frontend if isinstance(frontend, str) else str(getattr(frontend, "name", frontend))
