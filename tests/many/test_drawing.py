"""A table becomes pictures: skipped, gone on with, killed; one worker or two."""

import csv
import hashlib
import os
import time

import pytest

from helpers import read_recipe, read_settings
from helpers.many.drawing import draw_many
from tests.many import killing

OPTIONS = {"model": "pocket", "precision": "float32"}


def digest(folder) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in killing.pictures(folder).items()}


@pytest.fixture
def quick(monkeypatch, pocket):
    """The shared model in place of a new one; gives the prompts that it draws."""
    drawn, draw = [], type(pocket).text_to_image

    def noted(self, prompt, **options):
        drawn.append(prompt)
        return draw(self, prompt, **options)

    monkeypatch.setattr(type(pocket), "text_to_image", noted)
    monkeypatch.setattr("helpers.many.drawing.StableDiffusion", lambda **options: pocket)
    return drawn


def test_a_row_becomes_a_picture_whose_recipe_makes_it_again(tmp_path, quick, pocket):
    outcome = draw_many([{"prompt": "a cat", "num_steps": 1}, {"prompt": "a dog", "num_steps": 2}], tmp_path, **OPTIONS)
    assert (outcome.drawn, outcome.there, outcome.errors) == (2, 0, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0001.png", "0002.png"]
    recipe = read_recipe(tmp_path / "0002.png")
    assert (recipe["prompt"], recipe["num_steps"], recipe["seed"]) == ("a dog", 2, 2)
    assert read_settings(tmp_path / "0002.png")["model"] == "pocket"
    before = digest(tmp_path)
    (tmp_path / "0002.png").unlink()
    assert draw_many([{"prompt": "a cat", "num_steps": 1}, {"prompt": "a dog", "num_steps": 2}], tmp_path)[:2] == (1, 1)
    assert digest(tmp_path) == before and quick == ["a cat", "a dog", "a dog"]


def test_errors_stand_beside_their_rows_and_the_next_run_tries_again(tmp_path, quick):
    table = tmp_path / "prompts.csv"
    table.write_text('prompt,num_steps\na cat,1\n"a frog, wet",none\n' + "a cat " * 40 + ",1\na dog,1\n")
    outcome = draw_many(table, tmp_path / "out", **OPTIONS)
    assert outcome.drawn == 2 and [*outcome.errors] == [2, 3]
    with open(tmp_path / "out/errors.csv", newline="") as file:
        lines = [*csv.DictReader(file)]
    assert [(line["row"], line["prompt"]) for line in lines] == [("2", "a frog, wet"), ("3", ("a cat " * 40).strip())]
    assert "num_steps" in lines[0]["error"] and "tokens" in lines[1]["error"]
    table.write_text("prompt,num_steps\na cat,1\na frog,1\na cat,1\na dog,1\n")
    assert draw_many(table, tmp_path / "out", **OPTIONS)[:2] == (2, 2)
    assert not (tmp_path / "out/errors.csv").exists()


def test_another_picture_in_a_rows_place_is_not_drawn_over(tmp_path, quick):
    draw_many([{"prompt": "a cat", "num_steps": 1}], tmp_path, **OPTIONS)
    before = digest(tmp_path)
    for other in ({"prompt": "a dog", "num_steps": 1}, {"prompt": "a cat", "num_steps": 2}):
        outcome = draw_many([other], tmp_path, **OPTIONS)
        assert outcome[:2] == (0, 0) and "0001.png" in outcome.errors[1]
    (tmp_path / "0001.png").write_bytes(b"half")
    assert "0001.png" in draw_many([{"prompt": "a cat", "num_steps": 1}], tmp_path, **OPTIONS).errors[1]
    assert digest(tmp_path) != before and len(quick) == 1


def test_a_full_disk_ends_the_run(tmp_path, quick, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("helpers.many.drawing.save_image", full)
    with pytest.raises(OSError, match="No space left"):
        draw_many(["a cat", "a dog", "a frog"], tmp_path, **OPTIONS)
    assert len(quick) == 1


def test_what_a_killed_run_left_half_written_is_removed(tmp_path, quick):
    old, young = tmp_path / ".1.tmp", tmp_path / ".2.tmp"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 100,) * 2)
    draw_many([{"prompt": "a cat", "num_steps": 1}], tmp_path, **OPTIONS)
    assert not old.exists() and young.exists()


def test_killed_runs_lose_no_picture_and_repeat_only_the_one_in_work(tmp_path):
    table, folder = tmp_path / "prompts.txt", tmp_path / "pictures"
    table.write_text("a cat\n" * 30 + "nothing\n")
    for after in (0.0, 0.05, 0.11):
        told = killing.kill_run(table, folder, after)
        assert told.lost == 0 and told.before < told.after < 30
        assert told.begun - (told.after - told.before) <= 1
    run = killing.command(table, folder)
    said, _ = run.communicate()
    assert run.returncode == 1 and "1 not drawn" in said and "Nothing cannot be drawn." in said
    whole = tmp_path / "whole"
    killing.command(table, whole).communicate()
    assert len(digest(whole)) == 30 and digest(folder) == digest(whole)
    assert len(killing.begun(folder)) <= 31 + 3


def test_two_workers_draw_the_same_pictures_though_one_is_killed(tmp_path):
    pytest.importorskip("ray.data")
    table, folder, whole = tmp_path / "prompts.txt", tmp_path / "pictures", tmp_path / "whole"
    table.write_text("a cat\n" * 20)
    killing.command(table, whole).communicate()
    assert [told.lost for told in killing.kill_workers(table, folder, 1)] == [0, 0]
    assert len(digest(whole)) == 20 and digest(folder) == digest(whole)
    assert len(killing.begun(folder)) in (20, 21), "at most the one in work is drawn again"


def test_without_ray_several_workers_are_refused(tmp_path, quick, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(ValueError, match="ray\\[data\\]"):
        draw_many(["a cat"], tmp_path, workers=2, **OPTIONS)
