"""A training run that can be broken off and goes on where it was."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.engines import running
from helpers.pocket.muon import ConvolutionalMuon


def fastest_policy() -> str:
    """Keras's dtype policy that trains the fastest here: bfloat16 beside float32 weights where the machine has it."""
    return "float32" if running.chosen(None, None)[1] == "float32" else "mixed_bfloat16"


class Run:
    """One stage's training: a model, its optimizer, and a checkpoint of both in one file."""

    def __init__(
        self,
        folder: Path,
        stage: str,
        model: keras.Model,
        example,
        learning_rate: float = 3e-3,
        warm_up: int = 200,
        averaging: int = 200,
    ):
        """averaging: over how many steps the averaged weights reach back."""
        self.file, self.model, self.averaging = folder / f"{stage}.npz", model, averaging
        self.learning_rate, self.warm_up = learning_rate, warm_up
        self.optimizer = ConvolutionalMuon(
            learning_rate,
            adam_lr_ratio=1 / 3,
            adam_beta_2=0.99,
            weight_decay=1e-3,
            adam_weight_decay=1e-3,
            use_ema=True,
            ema_momentum=1 - 1 / averaging,
        )
        model.compile(optimizer=self.optimizer, jit_compile=keras.backend.backend() == "jax")
        model(example)
        self.optimizer.build(model.trainable_variables)
        self.step = 0  # how many are done
        if self.file.exists():
            with np.load(self.file) as saved:
                for number, variable in enumerate(self._variables()):
                    variable.assign(saved[f"arr_{number}"])
            self.step = int(self.optimizer.iterations)

    def _variables(self):
        return self.model.variables + self.optimizer.variables

    def save(self) -> None:
        partial = self.file.with_suffix(".partial.npz")
        np.savez(partial, *(ops.convert_to_numpy(variable) for variable in self._variables()))
        os.replace(partial, self.file)

    def use_averaged(self) -> None:
        """Give the model its averaged weights (their exponential moving average) for good.

        Early in a run it keeps its own: the average still has much of what it began with.
        """
        if self.step >= 4 * self.averaging:
            self.optimizer.finalize_variable_values(self.model.trainable_variables)

    @contextlib.contextmanager
    def averaged(self):
        """Within it, the model has its averaged weights."""
        trainable = self.model.trainable_variables
        current = [ops.convert_to_numpy(variable) for variable in trainable]
        self.use_averaged()
        yield
        for variable, value in zip(trainable, current):
            variable.assign(value)

    def steps(self, batches, steps: int, decay: int) -> Iterator[float]:
        """Trains up to step `steps`, from where the run is, and yields each step's loss.

        batches: an iterator over the arguments of `Model.train_on_batch`.
        decay: over so many last steps the learning rate falls to zero; over the first `warm_up` it rises.
        """
        while self.step < steps:
            warm_up, cool_down = (self.step + 1) / self.warm_up, (steps - self.step) / max(decay, 1)
            self.optimizer.learning_rate.assign(self.learning_rate * min(1.0, warm_up, cool_down))
            self.model.reset_metrics()  # or the loss would be a mean over all steps
            loss = float(self.model.train_on_batch(**next(batches)))
            self.step += 1
            yield loss

    def train(self, batches, steps: int, decay: int, look) -> None:
        """All of `steps`, with a progress bar; saves every two minutes, and calls `look` every ten and at the end."""
        saved = looked = time.time()
        losses = []
        bar = tqdm(initial=self.step, total=steps, unit="step", mininterval=10)
        for loss in self.steps(batches, steps, decay):
            bar.update()
            losses.append(loss)
            if self.step % 100 == 0:
                tqdm.write(f"step {self.step}  loss {np.mean(losses):.4f}  {time.strftime('%H:%M:%S')}")
                losses.clear()
            if time.time() - saved > 120:
                self.save()
                saved = time.time()
            if time.time() - looked > 600:
                with self.averaged():
                    look()
                looked = time.time()
        bar.close()
        self.save()
        with self.averaged():
            look()
