"""A trained model as ONNX: one file that needs neither torch nor this package."""

from __future__ import annotations

import importlib.metadata
import io
import json
import warnings
from typing import Any

import torch
from torch import nn

from softlabels.errors import InputError
from softlabels.features.frontends import SAMPLE_RATE, feature_size
from softlabels.features.padded import together
from softlabels.inference.graph import Given, Graph, Spectra, Whisper, traceable
from softlabels.inference.precision import single_precision
from softlabels.inference.pretrained import EncoderReference
from softlabels.inference.settings import ModelSettings

OPSET = 17
LARGEST = 1 << 31  # bytes: protobuf's limit for a file
TOLERANCE = 1e-4  # of a probability
INPUTS = {"audio": ("audio", "samples"), "features": ("features", "frames")}


def to_onnx(settings: ModelSettings, network: nn.ModuleDict, front_end: nn.Module) -> bytes:
    """Write a model as ONNX, and check it against the model by onnxruntime.

    The input is audio [B, N] at 16 kHz and each clip's number of samples [B], where the front end
    is in the graph: SpeechBrain's, and Whisper's encoder (clips of up to 30 s). Else it is
    features [B, T, F] and numbers of frames [B]. All sizes but F are free. The outputs are
    probabilities [B, K], and, of a Dirichlet output, precisions [B]. `metadata` is in the file.

    Arguments
    ---------
    settings, network, front_end
        What `softlabels.inference.loading.load_model` returns.

    Returns
    -------
    data : bytes
        The file's.

    Raises
    ------
    ImportError
        If onnx or onnxruntime isn't installed.
    InputError
        If the weights are too large for one file, or its outputs are not the model's.
    """
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"{error}; for ONNX: pip install softlabels[onnx]") from error
    graph = _graph(settings, network, front_end)
    size = sum(each.numel() * each.element_size() for each in graph.state_dict().values())
    if size >= LARGEST:
        raise InputError(f"the weights take {size / 2**30:.1f} GiB; an ONNX file has at most 2 GiB")
    told = metadata(settings, front_end)
    inputs = INPUTS[told["input"]]
    outputs = ["probabilities", "precision"][: 1 + graph.dirichlet]
    values, counts = _example(told, feature_size(front_end))
    with warnings.catch_warnings(), traceable(), single_precision(), torch.no_grad():
        # tracing warns of each check of a shape
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        torch.onnx.export(
            graph,
            (values, counts),
            file,
            dynamo=False,  # its successor can't export an LSTM of free length
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=outputs,
            dynamic_axes={
                inputs[0]: {0: "batch", 1: inputs[1]},
                **{name: {0: "batch"} for name in (inputs[1], *outputs)},
            },
        )
        model = onnx.load_from_string(file.getvalue())
        onnx.helper.set_model_props(model, told)
        data: bytes = model.SerializeToString()
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        values, counts = values[:1, : values.shape[1] // 2], counts[1:]  # of another size
        (computed,) = session.run(outputs[:1], dict(zip(inputs, map(_array, (values, counts)))))
        difference = float(abs(computed - graph(values, counts)[0].numpy()).max())
    if not difference <= TOLERANCE:
        raise InputError(f"the ONNX model differs from the original by {difference:g}")
    return data


def metadata(settings: ModelSettings, front_end: nn.Module) -> dict[str, str]:
    """Return what an ONNX file's ``metadata_props`` hold; lists as JSON.

    Example
    -------
    >>> sizes = {"hidden_size": 16, "lstm_size": 8, "frame_step": 3}
    >>> network = {"kind": "blstm_attention", **sizes}
    >>> settings = ModelSettings(("happy", "sad"), "fbank", "corpus", network, 0.6, 2)
    >>> told = metadata(settings, settings.front_end("no folder"))
    >>> told["classes"], told["input"], told["front_end"], told["sample_rate"]
    ('["happy", "sad"]', 'audio', 'fbank', '16000')
    """
    reference = settings.frontend
    pretrained = isinstance(reference, EncoderReference)
    told = {
        "classes": json.dumps(settings.classes, ensure_ascii=False),
        "input": "features" if isinstance(_in_graph(front_end), Given) else "audio",
        "sample_rate": str(SAMPLE_RATE),
        "front_end": reference.name if pretrained else str(reference),
        "abstain_above": str(settings.abstain_above),
        "made_by": f"softlabels {importlib.metadata.version('softlabels')}",
    }
    if pretrained:
        frames = "every frame" if reference.frames else "mean over the frames"
        told["pretrained"] = json.dumps(
            {"digest": reference.digest, "layers": reference.layers, "features": frames}
        )
    return told | ({"notice": settings.notice} if settings.notice else {})


def _graph(settings: ModelSettings, network: nn.ModuleDict, front_end: nn.Module) -> Graph:
    with single_precision():
        graph = Graph(
            _in_graph(front_end), network, settings.temperature, settings.output == "dirichlet"
        )
    return graph.eval()


def _in_graph(front_end: nn.Module) -> Any:
    """Return a front end as a part of the graph; `Given` where it can't be one."""
    front_end = together(front_end)
    checkpoint = getattr(front_end, "checkpoint", None)
    if checkpoint is not None and checkpoint.config.architecture == "whisper":
        from softlabels.features.pretrained.encoder import load_encoder

        of = front_end
        return Whisper(load_encoder(checkpoint), of.first, of.last, of.frames)
    return Spectra(front_end) if hasattr(front_end, "power") else Given()


def _example(told: dict[str, str], size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An input to trace: two clips of other lengths."""
    generator = torch.Generator().manual_seed(0)
    if told["input"] == "audio":
        counts = torch.tensor([SAMPLE_RATE, SAMPLE_RATE // 2])
        return torch.randn(2, SAMPLE_RATE, generator=generator) / 10, counts
    counts = torch.tensor([100, 50])
    return torch.randn(2, 100, size, generator=generator), counts


def _array(values: torch.Tensor) -> Any:
    return values.numpy()
