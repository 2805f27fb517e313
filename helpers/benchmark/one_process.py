"""What `helpers.benchmark` measures: one configuration, alone in its process, ready to take a guided step."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable

import numpy as np

from helpers.benchmark.bounds import inputs, matmul_peak, operations
from helpers.models.checkpoints import checkpoint


def prepare(configuration: dict) -> tuple[Callable[[], object], dict, object]:
    """Builds one side: a function that takes a guided step, the seconds of building, and the model if it is ours.

    With `num_steps` among the configuration's keys the function draws a whole picture instead, of so many steps.
    """
    begin = time.perf_counter()
    makers = {"": _our_picture if "num_steps" in configuration else _ours, "keras_cv": _keras_cv}
    step, model = makers.get(configuration["peer"], _diffusers)(configuration)
    built = time.perf_counter()
    step()
    return step, {"build_s": built - begin, "first_step_s": time.perf_counter() - built}, model


def _model(configuration: dict):
    from helpers import StableDiffusion

    size = configuration["size"]
    return StableDiffusion(
        configuration["model"],
        size,
        size,
        precision=configuration["precision"],
        engine=configuration["engine"],
        decoder=configuration.get("decoder"),
        download_weights=checkpoint(configuration["model"]).shipped,
    )


def _ours(configuration: dict):
    model = _model(configuration)
    arrays = inputs(configuration)
    if model.engine != "openvino":
        _ = model.diffusion_model  # which OpenVINO builds only to convert it
    return lambda: model.run("diffusion_model", *arrays), model


def _keras_cv(configuration: dict):
    """A call for each half of the guidance, as `StableDiffusion.generate_image` of KerasCV 0.9.0 does."""
    import keras_cv

    from helpers.engines import running

    compiles, size = configuration["engine"] == "xla", configuration["size"]
    model = keras_cv.models.StableDiffusion(size, size, jit_compile=compiles)
    with running.building_in(configuration["precision"]):  # with random weights, which its class cannot be asked for
        model._diffusion_model = keras_cv.models.stable_diffusion.DiffusionModel(size, size, 77, download_weights=False)
        model._decoder = keras_cv.models.stable_diffusion.Decoder(size, size, download_weights=False)
        model._text_encoder = keras_cv.models.stable_diffusion.TextEncoder(77, download_weights=False)
    for network in (model._diffusion_model, model._decoder, model._text_encoder):
        network.compile(jit_compile=compiles)
    halves = [list(half) for half in zip(*(np.split(array, 2) for array in inputs(configuration)))]
    return lambda: [model.diffusion_model.predict_on_batch(half) for half in halves], model


def _our_picture(configuration: dict):
    model = _model(configuration)
    options = {name: configuration[name] for name in ("num_steps", "sampler", "unconditional_guidance_scale")}
    return lambda: model.generate_image(model.networks.encode_no_text(), **options, seed=0, verbose=False), model


def _diffusers(configuration: dict):
    from helpers.benchmark import by_diffusers

    make = by_diffusers.picture if "num_steps" in configuration else by_diffusers.step
    return make(configuration), None


def whole_pictures(model, num_steps: int, sampler: str) -> dict:
    """Seconds of two pictures from an empty prompt, and of the UNet calls and the decoder of the second."""
    networks = model.networks
    current = networks.current
    seconds: dict[str, float] = {}

    def timed(name):
        def run(*arrays):
            begin = time.perf_counter()
            result = current(name)(*arrays)
            seconds[name] = seconds.get(name, 0) + time.perf_counter() - begin
            return result

        return run

    def picture():
        seconds.clear()
        begin = time.perf_counter()
        context = networks.encode_no_text()
        model.generate_image(context, num_steps=num_steps, sampler=sampler, seed=0, verbose=False)
        return time.perf_counter() - begin

    networks.current = timed
    first, again = picture(), picture()
    del networks.current
    told = {"unet_s": seconds["diffusion_model"], "decoder_s": seconds["decoder"]}
    return dict(first_picture_s=first, picture_s=again, num_steps=num_steps, sampler=sampler, **told)


def keras_cvs_pictures(model) -> dict:
    """As `whole_pictures`, of KerasCV's own class; the first picture is of a single step."""

    def picture(num_steps):
        begin = time.perf_counter()
        model.generate_image(np.zeros((77, 768), np.float32), num_steps=num_steps, seed=0)
        return time.perf_counter() - begin

    first, again = picture(1), picture(50)
    begin = time.perf_counter()
    model.decoder.predict_on_batch(np.zeros((1, *model.decoder.input_shape[1:]), np.float32))
    decoder_s = time.perf_counter() - begin
    return dict(first_picture_s=first, picture_s=again, num_steps=50, sampler="ddim", decoder_s=decoder_s)


def peak_memory() -> dict:
    """The most that this process has held, in GB."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"host_gb": most / (1e9 if sys.platform == "darwin" else 1e6)}  # bytes on a Mac, kilobytes on Linux
    if (torch := sys.modules.get("torch")) and torch.cuda.is_available():
        told["device_gb"] = torch.cuda.max_memory_allocated() / 1e9
    elif (tf := sys.modules.get("tensorflow")) and tf.config.list_physical_devices("GPU"):
        told["device_gb"] = tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e9
    return told


def _at_its_peak(engines: list[str]) -> str | None:
    """Of the engines that there are, the one whose products are the fastest; None: there is none of them."""
    from helpers.engines.running import ENGINES

    known = [engine for engine in engines if engine in ENGINES]
    return max(known, key=lambda engine: engine in ("openvino", "xla"), default=None)


def serve(row: dict) -> None:
    """The process: prepares, tells the seconds of it, then answers each line of the standard input with one of JSON."""
    answers = os.fdopen(os.dup(1), "w")  # what libraries print goes nowhere
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def answer(**told):
        print(json.dumps(told), file=answers, flush=True)

    try:
        if "limits" in row:
            engines = {precision: _at_its_peak(some) for precision, some in row["limits"].items()}
            peaks = {precision: matmul_peak(engine, precision) for precision, engine in engines.items() if engine}
            return answer(operations=operations(row["of"]), peaks=peaks)
        step, cold, model = prepare(row)
    except Exception as error:  # of any kind, a peer's too: the others are measured all the same
        return answer(error=f"{type(error).__name__}: {error}"[:200])
    answer(**cold)
    for question, *options in map(str.split, sys.stdin):
        if question == "step":
            begin = time.perf_counter()
            step()
            answer(ms=1000 * (time.perf_counter() - begin))
        elif question == "picture":
            ours = not row["peer"]
            answer(**(whole_pictures(model, int(options[0]), options[1]) if ours else keras_cvs_pictures(model)))
        else:
            answer(**peak_memory())


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
