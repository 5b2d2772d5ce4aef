"""Training, validation and test of a classifier on soft targets."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import speechbrain as sb
import torch
from speechbrain.utils.distributed import get_rank, run_on_main
from speechbrain.utils.optimizers import rm_vector_weight_decay

from softlabels.errors import InputError
from softlabels.inference.temperature import at_temperature
from softlabels.losses import choose_loss, soft_cross_entropy, takes_counts
from softlabels.metrics import mean_distances, recognition
from softlabels.models.heads import output_of
from softlabels.training.rates import set_rate, split_parts, warmed, warmup_updates


@dataclass
class Predictions:
    """A network's predictions of a set of utterances.

    Arguments
    ---------
    ids : list of str
        The N utterances.
    emotions : list of str
        Their dominant labels; of an ambiguous one, no target class.
    log_probabilities : list
        N rows of K logarithms of probabilities.
    shares : list
        N rows of K shares of votes.
    precisions : list of float
        Σ exp z of a network that gives concentrations; empty for another.

    Example
    -------
    >>> Predictions(["u1"], ["sad"], [[-0.1, -2.4]], [[0.0, 1.0]]).ids
    ['u1']
    """

    ids: list[str] = field(default_factory=list)
    emotions: list[str] = field(default_factory=list)
    log_probabilities: list[list[float]] = field(default_factory=list)
    shares: list[list[float]] = field(default_factory=list)
    precisions: list[float] = field(default_factory=list)

    def at(self, temperature: float) -> Predictions:
        """Return the same at another temperature: what is most probable stays so."""
        log_p = at_temperature(self.log_probabilities, temperature) if self.ids else np.zeros(0)
        return replace(self, log_probabilities=log_p.tolist())


class SoftLabelBrain(sb.Brain):
    """Trains on an encoder's targets or the votes, validates and tests against the annotators.

    It needs in ``modules``: ``mean_var_norm``, ``embedding_model``,
    ``classifier``; in ``hparams``: ``annotation_encoder``, ``seed``,
    ``train_logger`` and, if the learning rate is to fall, ``lr_annealing``: a
    SpeechBrain scheduler by epoch. Where they hold ``class_weights`` [K], the loss in
    training weighs classes; it is the encoder's unless ``loss`` names another. ``lr_factors`` has
    parts of ``modules``, as ``embedding_model.layer_weights``, whose learning rate is that many
    times the others'. Batches hold ``id``, ``features``, ``target``, ``counts`` and ``emotion``.

    After `evaluate`, ``predictions`` holds those of the test set, ``best`` the validation
    scores of the epoch that was tested, and ``epochs`` those of all epochs.

    Arguments
    ---------
    *args, **kwargs
        As `speechbrain.Brain`.

    Raises
    ------
    InputError
        If the loss is not of what the classifier gives.

    Example
    -------
    >>> from softlabels import get_encoder
    >>> brain = SoftLabelBrain(
    ...     modules={"linear": torch.nn.Linear(1, 1)},
    ...     hparams={"annotation_encoder": get_encoder("soft", ["happy", "sad"]), "seed": 1},
    ... )
    >>> brain.loss.__name__
    'soft_cross_entropy'
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.encoder = self.hparams.annotation_encoder
        self.output = output_of(getattr(self.modules, "classifier", None))
        name = getattr(self.hparams, "loss", None)
        self.loss = choose_loss(name, self.encoder.loss, self.output)
        self.predictions = Predictions()
        self.best: dict[str, Any] = {}
        self.epochs: list[dict[str, Any]] = []

    def init_optimizers(self) -> None:
        """Make an optimizer, and one for each of the parts that have a learning rate of their own.

        SpeechBrain clips the gradients of each optimizer by themselves.
        """
        factors = getattr(self.hparams, "lr_factors", {})
        self.factors = {"": 1.0, **factors}
        named = torch.nn.ModuleDict(getattr(self.hparams, "modules", {}))
        self.optimizers_dict = {}
        for part, parameters in split_parts(self.modules.parameters(), named, factors).items():
            apart = self.remove_vector_weight_decay
            chosen = rm_vector_weight_decay(parameters) if apart else parameters
            self.optimizers_dict[part] = self.opt_class(chosen)
            if self.checkpointer is not None:
                name = f"optimizer_{part}" if part else "optimizer"
                self.checkpointer.add_recoverable(name, self.optimizers_dict[part])
        self.rate = self.optimizers_dict[""].param_groups[0]["lr"]  # unless it is annealed

    def compute_forward(self, batch: Any, stage: sb.Stage) -> torch.Tensor:
        """Features → log-probabilities, or logarithms of concentrations, [B, K]."""
        batch = batch.to(self.device)
        features, lengths = batch.features
        features = self.modules.mean_var_norm(features, lengths)
        return self.modules.classifier(self.modules.embedding_model(features, lengths))

    def compute_objectives(
        self, predictions: torch.Tensor, batch: Any, stage: sb.Stage
    ) -> torch.Tensor:
        """The loss in training; else the cross-entropy to the annotators."""
        outputs = predictions.float()
        targets = batch.target.data
        if stage == sb.Stage.TRAIN:
            options = {"counts": batch.counts.data} if takes_counts(self.loss) else {}
            if (weight := getattr(self.hparams, "class_weights", None)) is not None:
                options["weight"] = weight.to(self.device)
            return self.loss(outputs, targets, **options)
        if self.output == "dirichlet":
            self.predictions.precisions += outputs.double().exp().sum(dim=-1).flatten().tolist()
            outputs = outputs.log_softmax(dim=-1)
        self.predictions.ids += batch.id
        self.predictions.emotions += batch.emotion
        self.predictions.log_probabilities += outputs.reshape(len(targets), -1).tolist()
        self.predictions.shares += targets.tolist()
        return soft_cross_entropy(outputs, targets)

    def fit(self, epoch_counter: Any, train_set: Any, *args: Any, **kwargs: Any) -> None:
        """Train on a loader, whose batches are other ones in each epoch."""
        self.train_sampler = train_set.batch_sampler  # SpeechBrain sets its epoch
        warmup = getattr(self.hparams, "lr_warmup", 0)
        updates = -(-len(self.train_sampler) // self.grad_accumulation_factor)
        epochs = getattr(self.hparams, "number_of_epochs", 0)
        self.warmup = warmup_updates(warmup, epochs * updates)
        super().fit(epoch_counter, train_set, *args, **kwargs)

    def no_sync(self, use: bool = True) -> Any:
        """Share gradients among processes in the last batch of an epoch, too: it is stepped on."""
        return super().no_sync(use and self.step < len(self.train_sampler))

    def on_fit_batch_start(self, batch: Any, should_step: bool) -> None:
        """Set the learning rates."""
        share = warmed(self.optimizer_step, self.warmup)
        for part, optimizer in self.optimizers_dict.items():
            set_rate(optimizer, share * self.rate * self.factors[part])

    def on_fit_batch_end(self, batch: Any, outputs: Any, loss: Any, should_step: bool) -> None:
        """Step on the gradients of an epoch's last batches, which SpeechBrain would drop."""
        if not should_step and self.step == len(self.train_sampler):
            self.optimizers_step()

    def on_fit_start(self) -> None:
        """Resume from the newest checkpoint, if there is one."""
        super().on_fit_start()
        self._restore_epochs()

    def _restore_epochs(self) -> None:
        """Take the scores of all epochs so far from the newest checkpoint."""
        newest = self.checkpointer.find_checkpoint() if self.checkpointer is not None else None
        self.epochs = list(newest.meta["epochs"]) if newest else []

    def on_stage_start(self, stage: sb.Stage, epoch: int | None = None) -> None:
        """Set chance and learning rate by the epoch's number alone: a run can continue."""
        if stage == sb.Stage.TRAIN:
            # the rank, or all would drop the same units; 0 changes nothing
            chance = [self.hparams.seed, epoch or 0, get_rank() or 0]
            state = np.random.SeedSequence(chance).generate_state(1)
            torch.manual_seed(int(state[0]))
            if epoch is not None and hasattr(self.hparams, "lr_annealing"):
                self.rate, _ = self.hparams.lr_annealing(epoch)
        else:
            self.predictions = Predictions()

    def on_stage_end(self, stage: sb.Stage, stage_loss: float, epoch: int | None = None) -> None:
        """Log; after validation keep the newest epoch and the best by UA."""
        if stage == sb.Stage.TRAIN:
            self.train_loss = float(stage_loss)
            return
        if stage == sb.Stage.TEST:
            return
        given = self.predictions
        classes = list(self.encoder.classes)
        scores = recognition(
            [classes.index(emotion) for emotion in given.emotions],
            np.argmax(given.log_probabilities, axis=1),
            classes,
        )
        distance = mean_distances(given.log_probabilities, given.shares)
        valid = {name: scores[name] for name in ("WA", "UA", "macro_F1")}
        valid["cross_entropy"] = distance["cross_entropy"]
        if valid["cross_entropy"] is None:
            raise InputError(
                f"epoch {epoch}: the network's predictions are not finite; training diverged. "
                "Start anew with a lower lr or a smaller max_grad_norm"
            )
        self.epochs.append({"epoch": epoch, "loss": self.train_loss, **valid})
        self.hparams.train_logger.log_stats(
            {"epoch": epoch}, train_stats={"loss": self.train_loss}, valid_stats=valid
        )
        if self.checkpointer is not None:
            # Each rank would list what to delete for itself, and find other files than the next.
            run_on_main(
                self.checkpointer.save_and_keep_only,
                kwargs={
                    "meta": {"epoch": epoch, **valid, "epochs": self.epochs},
                    "importance_keys": [_preference],
                    "verbosity": logging.DEBUG,
                },
            )

    def on_evaluate_start(self, max_key: str | None = None, min_key: str | None = None) -> None:
        """Load the epoch with the best validation UA.

        Raises
        ------
        FileNotFoundError
            If there is a checkpointer, but no checkpoint.
        """
        if self.checkpointer is None:
            return
        chosen = self.checkpointer.recover_if_possible(importance_key=_preference)
        if chosen is None:
            raise FileNotFoundError(
                f"no checkpoint in {self.checkpointer.checkpoints_dir}: train first"
            )
        self._restore_epochs()
        self.best = {key: chosen.meta[key] for key in ("epoch", "WA", "UA", "cross_entropy")}


def predict(brain: SoftLabelBrain, loader: Any) -> Predictions:
    """Return what the epoch with the best validation UA predicts for a loader's utterances."""
    brain.evaluate(loader)
    return brain.predictions


def _preference(checkpoint: Any) -> tuple[float, float]:
    """Best validation UA first; of equal ones, the nearest to the annotators."""
    meta = checkpoint.meta  # one within an epoch has no score
    return meta.get("UA", -math.inf), -meta.get("cross_entropy", math.inf)
