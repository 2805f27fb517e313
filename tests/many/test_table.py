"""Tables of recipes: what a cell may be, and what is told of one that may not."""

import pytest

from helpers.many.table import COLUMNS, rows
from helpers.models.checkpoints import CHECKPOINTS
from helpers.recipes.recipe import Recipe

OWN = CHECKPOINTS["pocket"].drawing


def written(folder, text: str, name: str = "prompts.csv"):
    path = folder / name
    path.write_bytes(text.encode("utf-8") if isinstance(text, str) else text)
    return path


def recipes(source) -> list[dict]:
    return [row.recipe(OWN).arguments() for row in rows(source)]


def test_every_option_is_a_column(tmp_path):
    table = "prompt,negative_prompt,num_steps,unconditional_guidance_scale,seed,sampler\na cat,blur,7,2.5,0,ddim\n"
    (row,) = rows(written(tmp_path, table))
    expected = dict(prompt="a cat", negative_prompt="blur", num_steps=7, unconditional_guidance_scale=2.5, seed=0)
    assert row.recipe(OWN) == Recipe(**expected, sampler="ddim")
    assert [*COLUMNS] == table.splitlines()[0].split(",")


def test_what_a_row_leaves_open_is_the_models_and_its_seed_is_its_number(tmp_path):
    found = recipes(written(tmp_path, "prompt,seed\na cat,\na cat,9\na cat\n"))
    assert [each.pop("seed") for each in found] == [1, 9, 3]
    assert found == [{"prompt": "a cat", **OWN._asdict()}] * 3


@pytest.mark.parametrize(
    "text",
    [
        'prompt,seed\n"a cat, in space",4\n',
        "\ufeffprompt;seed\r\na cat, in space;4\r\n;\r\n\r\n",
        "\n seed \t prompt \n4\ta cat, in space\n",
    ],
    ids=["comma", "as Excel writes it", "tab"],
)
def test_any_spreadsheet_s_csv(text, tmp_path):
    (recipe,) = recipes(written(tmp_path, text))
    assert (recipe["prompt"], recipe["seed"]) == ("a cat, in space", 4)


def test_a_file_or_a_list_of_prompts(tmp_path):
    prompts = ["a cat, on the beach", "éa"]
    assert recipes(written(tmp_path, "\n".join(["", *prompts, ""]), "prompts.txt")) == recipes(prompts)
    assert recipes([{"prompt": prompts[0], "num_steps": 3}])[0]["num_steps"] == 3


@pytest.mark.parametrize(
    "line, says",
    [
        (",3,,", "no prompt"),
        ("a cat,x,,", "num_steps must be a whole number, got 'x'"),
        ("a cat,0,,", "num_steps must be a whole number from 1"),
        ("a cat,,1.5,", "seed must be a whole number, got '1.5'"),
        ("a cat,,,euler", "Unknown sampler 'euler'"),
        ("a cat, in space,3,,", "more cells than columns"),
    ],
)
def test_a_bad_row_says_why_and_the_others_count_on(line, says, tmp_path):
    table = rows(written(tmp_path, f"prompt,num_steps,seed,sampler\n{line}\na dog,,,\n"))
    with pytest.raises(ValueError, match=says):
        table[0].recipe(OWN)
    assert table[1].recipe(OWN).seed == 2


@pytest.mark.parametrize(
    "name, text, says",
    [
        ("a.csv", "prompt,steps\na cat,3\n", "Unknown column 'steps'"),
        ("a.csv", "a cat\na dog\n", "no column 'prompt'"),
        ("a.csv", "prompt\n\n", "no row"),
        ("a.csv", "", "no column 'prompt'"),
        ("a.csv", "prompt\ncafé\n".encode("latin-1"), "UTF-8"),
        ("a.xlsx", "", "CSV"),
    ],
)
def test_what_is_no_table_is_refused(name, text, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        rows(written(tmp_path, text, name))
