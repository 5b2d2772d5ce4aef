"""A trained model as ONNX: one file that needs neither torch nor this package."""

from __future__ import annotations

import importlib.metadata
import io
import json
import warnings
from typing import Any

import torch
from speechbrain.lobes.features import MFCC, Fbank
from torch import nn

from softlabels.errors import InputError
from softlabels.features.frontends import SAMPLE_RATE, feature_size
from softlabels.features.padded import PaddedSpectra
from softlabels.features.pretrained.frontend import PretrainedFrontEnd
from softlabels.inference.graph import Given, Graph, Spectra, Whisper, traceable
from softlabels.inference.networks import OF_AUDIO
from softlabels.inference.precision import single_precision
from softlabels.inference.pretrained import EncoderReference
from softlabels.inference.settings import ModelSettings
from softlabels.models.pretrained_network import Audio

OPSET = 17
LARGEST = 1 << 31  # bytes: protobuf's limit for a file
TOLERANCE = 1e-4  # of a probability
NETWORKS = ("blstm_attention", "ecapa_tdnn", "layers", OF_AUDIO)
INPUTS = {"audio": ("audio", "samples"), "features": ("features", "frames")}


def to_onnx(settings: ModelSettings, network: nn.ModuleDict, front_end: nn.Module) -> bytes:
    """Write a model as ONNX, and check it against the model by onnxruntime.

    The input is audio [B, N] at 16 kHz and each clip's number of samples [B], where the front end
    is in the graph: SpeechBrain's, and Whisper's encoder, frozen or trained (clips of up to
    30 s). Else it is features [B, T, F] and numbers of frames [B]. All sizes but F are free. The
    outputs are probabilities [B, K], and, of a Dirichlet output, precisions [B]. `metadata` is in
    the file.

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
        If the network can't be exported, its weights are too large for one file, or the file's
        outputs are not the model's.
    """
    if settings.network["kind"] not in NETWORKS:
        raise InputError(f"only {', '.join(NETWORKS)} can be ONNX; got {settings.network['kind']}")
    trained = settings.network.get("config", {}).get("architecture", "whisper")
    if trained != "whisper":
        raise InputError(
            f"a trained {trained} can't be ONNX: only a trained Whisper can, or a head on a frozen "
            "encoder; SoftLabelClassifier loads this model"
        )
    try:
        import onnx
        import onnxruntime
    except ImportError as error:
        raise ImportError(f"{error}; for ONNX: pip install softlabels[onnx]") from error
    graph = _graph(settings, network, front_end)
    size = sum(each.numel() * each.element_size() for each in graph.state_dict().values())
    if size >= LARGEST:
        raise InputError(f"the weights take {size / 2**30:.1f} GiB; an ONNX file has at most 2 GiB")
    properties = metadata(settings, front_end)
    inputs = INPUTS[properties["input"]]
    outputs = ["probabilities", "precision"][: 1 + graph.dirichlet]
    values, counts = _example(properties["input"], feature_size(front_end))
    with warnings.catch_warnings(), traceable(), single_precision(), torch.no_grad():
        # tracing warns of each check of a shape
        warnings.simplefilter("ignore")
        file = io.BytesIO()
        torch.onnx.export(
            graph,
            (values, counts),
            file,  # type: ignore[arg-type]  # it takes an open one too
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
        onnx.helper.set_model_props(model, properties)
        data: bytes = model.SerializeToString()
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        values, counts = values[:1, : values.shape[1] // 2], counts[1:]  # of another size
        (computed,) = session.run(
            outputs[:1], {inputs[0]: values.numpy(), inputs[1]: counts.numpy()}
        )
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
    >>> properties = metadata(settings, settings.front_end("no folder"))
    >>> [properties[name] for name in ("classes", "input", "front_end", "sample_rate")]
    ['["happy", "sad"]', 'audio', 'fbank', '16000']
    """
    frontend = settings.frontend
    properties = {
        "classes": json.dumps(settings.classes, ensure_ascii=False),
        "input": "audio" if _computable(front_end) else "features",
        "sample_rate": str(SAMPLE_RATE),
        "front_end": frontend if isinstance(frontend, str) else frontend.name,
        "abstain_above": str(settings.abstain_above),
        "made_by": f"softlabels {importlib.metadata.version('softlabels')}",
    }
    if isinstance(frontend, EncoderReference):
        of = "every frame" if frontend.frames else "mean over the frames"
        properties["pretrained"] = json.dumps(
            {"digest": frontend.digest, "layers": frontend.layers, "features": of}
        )
    return properties | ({"notice": settings.notice} if settings.notice else {})


def _graph(settings: ModelSettings, network: nn.ModuleDict, front_end: nn.Module) -> Graph:
    with single_precision():
        computed = _in_graph(front_end)
        if settings.network["kind"] == OF_AUDIO:
            trained: Any = network["embedding_model"]
            taken = trained.first, trained.last
            computed = Whisper(trained.encoder, *taken, every=True, normed=True)
            network = nn.ModuleDict({**network, "embedding_model": trained.on_layers})
        dirichlet = settings.output == "dirichlet"
        graph = Graph(computed, network, settings.temperature, dirichlet)
    return graph.eval()


def _computable(front_end: nn.Module) -> bool:
    """Whether a front end can be a part of the graph."""
    if isinstance(front_end, PretrainedFrontEnd):
        return front_end.checkpoint.config.architecture == "whisper"
    return isinstance(front_end, (Audio, Fbank, MFCC))


def _in_graph(front_end: nn.Module) -> nn.Module:
    """Return a front end as a part of the graph; `Given` where it can't be one."""
    if isinstance(front_end, Audio) or not _computable(front_end):
        return Given()
    if isinstance(front_end, PretrainedFrontEnd):
        from softlabels.features.pretrained.encoder import load_encoder

        encoder = load_encoder(front_end.checkpoint)
        return Whisper(encoder, front_end.first, front_end.last, front_end.frames)
    return Spectra(PaddedSpectra(front_end))


def _example(kind: str, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """An input to trace: two clips of other lengths."""
    generator = torch.Generator().manual_seed(0)
    if kind == "audio":
        counts = torch.tensor([SAMPLE_RATE, SAMPLE_RATE // 2])
        return torch.randn(2, SAMPLE_RATE, generator=generator) / 10, counts
    counts = torch.tensor([100, 50])
    return torch.randn(2, 100, size, generator=generator), counts
