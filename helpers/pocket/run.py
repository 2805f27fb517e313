"""A training run that can be broken off and goes on where it was."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import keras
import numpy as np
from keras import ops
from tqdm.auto import tqdm

from helpers.pocket.muon import ConvolutionalMuon


class Run:
    """One stage's training: a model, its optimizer, and a checkpoint of both in one file."""

    def __init__(self, folder: Path, stage: str, model: keras.Model, example, learning_rate: float = 3e-3):
        self.file, self.model, self.learning_rate = folder / f"{stage}.npz", model, learning_rate
        self.optimizer = ConvolutionalMuon(
            learning_rate,
            adam_lr_ratio=1 / 3,
            adam_beta_2=0.99,
            weight_decay=1e-3,
            adam_weight_decay=1e-3,
            use_ema=True,
            ema_momentum=0.995,  # an average over some 200 steps
        )
        model.compile(optimizer=self.optimizer, jit_compile=keras.backend.backend() == "jax")
        model(example)
        self.optimizer.build(model.trainable_variables)
        self.step = 0
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
        """Give the model its averaged weights (their exponential moving average) for good."""
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

    def train(self, batches, steps: int, decay: int, look) -> None:
        """Train up to `steps`, save every two minutes, and `look` at the result every ten and at the end."""
        saved = looked = time.time()
        bar = tqdm(range(self.step, steps), initial=self.step, total=steps, unit="step", mininterval=10)
        for self.step in bar:
            warm_up, cool_down = (self.step + 1) / 200, (steps - self.step) / max(decay, 1)
            self.optimizer.learning_rate.assign(self.learning_rate * min(1.0, warm_up, cool_down))
            loss = float(self.model.train_on_batch(**next(batches)))  # the mean since the last reset
            if self.step % 100 == 99:
                tqdm.write(f"step {self.step + 1}  loss {loss:.4f}  {time.strftime('%H:%M:%S')}")
                self.model.reset_metrics()
            if time.time() - saved > 120:
                self.save()
                saved = time.time()
            if time.time() - looked > 600:
                with self.averaged():
                    look()
                looked = time.time()
        self.save()
        with self.averaged():
            look()
