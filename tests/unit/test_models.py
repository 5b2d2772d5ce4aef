"""The network: exact under padding, against PyTorch's packed BLSTM."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from softlabels.models.blstm import BLSTMAttention, frames_from_lengths, reverse_within
from softlabels.models.normalization import FeatureNormalization

FRAMES = [3, 50, 41, 1, 17]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return BLSTMAttention(input_size=7).eval()


def padded(frames, garbage=0.0):
    torch.manual_seed(1)
    utterances = [torch.randn(n, 7) for n in frames]
    batch = torch.full((len(frames), max(frames), 7), garbage)
    for row, utterance in zip(batch, utterances, strict=True):
        row[: len(utterance)] = utterance
    return utterances, batch, torch.tensor(frames) / max(frames)


def test_an_utterance_gets_the_same_output_alone_and_in_any_batch(model):
    utterances, batch, lengths = padded(FRAMES, garbage=torch.nan)
    with torch.no_grad():
        together = model(batch, lengths)
        for row, utterance in zip(together, utterances, strict=True):
            assert torch.allclose(row, model(utterance[None])[0], atol=1e-5)


@pytest.mark.parametrize("step", [2, 3, 7])
def test_a_frame_step_is_the_same_network_on_every_nth_frame(model, step):
    utterances, batch, lengths = padded(FRAMES, garbage=torch.nan)
    sparse = BLSTMAttention(input_size=7, frame_step=step).eval()
    sparse.load_state_dict(model.state_dict())
    with torch.no_grad():
        together, weights = sparse.embed_and_attend(batch, lengths)
        for row, utterance in zip(together, utterances, strict=True):
            assert torch.allclose(row, model(utterance[None, ::step])[0], atol=1e-5)
    assert weights.shape == (len(FRAMES), -(-50 // step))


def test_a_frame_step_below_one_raises():
    with pytest.raises(ValueError, match="frame_step must be at least 1; got 0"):
        BLSTMAttention(input_size=7, frame_step=0)


def test_the_two_lstms_are_pytorchs_packed_bidirectional_one(model):
    _, batch, lengths = padded(FRAMES)
    blstm = torch.nn.LSTM(256, 128, batch_first=True, bidirectional=True)
    state = dict(model.forward_lstm.state_dict())
    state.update({f"{k}_reverse": v for k, v in model.backward_lstm.state_dict().items()})
    blstm.load_state_dict(state)
    with torch.no_grad():
        hidden = model.full_in(batch).relu()
        packed = pack_padded_sequence(hidden, FRAMES, batch_first=True, enforce_sorted=False)
        outputs, _ = pad_packed_sequence(blstm(packed)[0], batch_first=True)
        pooled, _ = model.attention(outputs, torch.tensor(FRAMES))
        wanted = model.full_out(pooled).relu()
        assert torch.allclose(model(batch, lengths), wanted, atol=1e-5)


def test_gradients_through_the_reversal_are_those_of_each_utterance_alone():
    torch.manual_seed(0)
    frames = torch.tensor(FRAMES)
    lstm = torch.nn.LSTM(256, 128, batch_first=True)
    hidden = torch.randn(len(FRAMES), 50, 256, requires_grad=True)
    outputs = reverse_within(lstm(reverse_within(hidden, frames))[0], frames)
    alone = [
        lstm(row[:n].flip(0)[None])[0][0].flip(0) for row, n in zip(hidden, FRAMES, strict=True)
    ]
    loss = sum(row[:n].square().sum() for row, n in zip(outputs, FRAMES, strict=True))
    (ours,) = torch.autograd.grad(loss, hidden)
    (wanted,) = torch.autograd.grad(sum(row.square().sum() for row in alone), hidden)
    assert torch.allclose(ours, wanted, atol=1e-6)


def test_attention_sums_to_one_and_leaves_padding_alone(model):
    _, batch, lengths = padded(FRAMES)
    _, weights = model.embed_and_attend(batch, lengths)
    assert torch.allclose(weights.sum(dim=1), torch.ones(len(FRAMES)))
    for row, frames in zip(weights, FRAMES, strict=True):
        assert (row[:frames] > 0).all()
        assert (row[frames:] == 0).all()


def test_padding_gets_no_gradient(model):
    _, batch, lengths = padded(FRAMES)
    batch.requires_grad_()
    model(batch, lengths).sum().backward()
    for row, frames in zip(batch.grad, FRAMES, strict=True):
        assert (row[frames:] == 0).all()


def test_every_length_survives_the_way_through_a_fraction():
    for time in (1, 2, 3, 41, 449, 1000, 3001):
        frames = torch.arange(1, time + 1)
        fractions = frames.float() / time
        assert torch.equal(frames_from_lengths(fractions, torch.zeros(time, time, 1)), frames)


@pytest.mark.parametrize(
    ("features", "lengths"),
    [((3, 4), None), ((2, 3, 4), torch.ones(3)), ((2, 3, 4), torch.ones(2, 1))],
)
def test_other_shapes_raise(features, lengths):
    with pytest.raises(ValueError, match="must be"):
        frames_from_lengths(lengths, torch.zeros(features))


def test_normalisation_is_over_all_frames_and_is_saved():
    torch.manual_seed(2)
    utterances = [torch.randn(n, 3) * torch.tensor([1.0, 10.0, 0.0]) + 100 for n in FRAMES]
    normalization = FeatureNormalization(3)
    normalization.fit(utterances)
    frames = torch.cat(utterances)
    normal = normalization(frames[None])[0]
    assert torch.allclose(normal.mean(dim=0), torch.zeros(3), atol=1e-4)
    deviation = normal.std(dim=0, correction=0)
    assert torch.allclose(deviation, torch.tensor([1.0, 1.0, 0.0]), atol=1e-4)
    copy = FeatureNormalization(3)
    copy.load_state_dict(normalization.state_dict())
    assert torch.equal(copy(frames[None]), normalization(frames[None]))
    with pytest.raises(ValueError, match="no frame"):
        normalization.fit([])


def test_speechbrains_encoder_classifier_takes_the_modules_as_they_are():
    from speechbrain.inference.classifiers import EncoderClassifier

    from softlabels import get_encoder
    from softlabels.features.frontends import feature_size, get_front_end
    from softlabels.models.blstm import Classifier

    front_end = get_front_end("acoustic47")
    size = feature_size(front_end)
    modules = {
        "compute_features": front_end,
        "mean_var_norm": FeatureNormalization(size),
        "embedding_model": BLSTMAttention(size, hidden_size=8, lstm_size=4),
        "classifier": Classifier(8, 2),
    }
    hparams = {"label_encoder": get_encoder("modified_soft", ["happy", "sad"])}
    classifier = EncoderClassifier(modules=modules, hparams=hparams)
    wavs, lengths = torch.randn(3, 8000) / 10, torch.tensor([1.0, 0.5, 0.8])
    log_probabilities, _, index, labels = classifier.classify_batch(wavs, lengths)
    assert torch.allclose(log_probabilities.exp().sum(dim=1), torch.ones(3))
    assert labels == [["happy", "sad"][i] for i in index]
    assert classifier.encode_batch(wavs).shape == (3, 8)
