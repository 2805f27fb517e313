"""Thirty people press Generate within a second: `python -m tests.app.thirty`. Tells how long each waits.

Each is a process of its own, as a page's kernel is, with the panel itself; only the browser is left out.
"""

import multiprocessing
import statistics
import tempfile
import time

from helpers import GenerationStudio
from helpers.app.shared_model import SharedModel, serve

PEOPLE, WITHIN = 30, 1.0  # seconds


def person(number: int, address: str, begin, times) -> None:
    """Presses at their moment of the second; notes when that was, when the picture was there, the place told first."""
    studio, told = GenerationStudio(SharedModel(address), folder=None), []
    studio.prompt.value, studio.seed.value = "a cat in space", number
    studio.status.observe(lambda change: told.append(change.new), "value")
    begin.wait()
    time.sleep(WITHIN * number / PEOPLE)
    pressed = time.monotonic()
    studio.generate_button.click()
    assert studio.pictures is not None, studio.message.value
    place = next((each for each in told if each.startswith("Place")), "none before")
    times.put((number, pressed, time.monotonic(), place))


def main() -> None:
    from helpers.stable_diffusion import StableDiffusion

    model = StableDiffusion("pocket")
    for seed in range(3):
        since = time.monotonic()
        model.text_to_image("a cat in space", seed=seed, verbose=False)
        alone = time.monotonic() - since
    with tempfile.TemporaryDirectory() as folder, serve(model, f"{folder}/model"):
        processes = multiprocessing.get_context("spawn")  # a copy of this one would have its networks too
        begin, times = processes.Barrier(PEOPLE + 1), processes.Queue()
        people = [
            processes.Process(target=person, args=(number, f"{folder}/model", begin, times)) for number in range(PEOPLE)
        ]
        for each in people:
            each.start()
        begin.wait()
        each_one = sorted(times.get(timeout=600) for _ in people)
        for each in people:
            each.join()
    first = min(pressed for _, pressed, _, _ in each_one)
    waited = [end - pressed for _, pressed, end, _ in each_one]
    for (number, pressed, _, place), seconds in zip(each_one, waited):
        print(f"{number + 1:2}. pressed at {pressed - first:4.2f} s, picture after {seconds:5.2f} s; told: {place}")
    all_there = max(end for _, _, end, _ in each_one) - first
    print(f"median {statistics.median(waited):.2f} s, worst {max(waited):.2f} s, all there after {all_there:.2f} s")
    print(f"one by one, without pages: {alone:.2f} s a picture, {PEOPLE * alone:.2f} s for {PEOPLE}")


if __name__ == "__main__":
    main()
