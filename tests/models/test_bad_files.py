"""What is no checkpoint is named for what it is, in one sentence, before any network is built."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from helpers.models.checkpoints import checkpoint, with_loras
from helpers.models.files.checkpoint_files import CheckpointFiles
from helpers.models.files.loading import load
from helpers.models.files.tensor_files import StoredTensor, TensorFile
from helpers.models.from_files import Source, described

ONE = np.ones((2, 2), np.float32)
UNET = {"model.diffusion_model.input_blocks.0.0.weight": ONE}
KINDS = {
    "of Stable Diffusion XL": UNET | {"conditioner.embedders.0.transformer.text_model.final_layer_norm.weight": ONE},
    "of Stable Diffusion 3": {"model.diffusion_model.joint_blocks.0.context_block.attn.qkv.weight": ONE},
    "of Flux": {"double_blocks.0.img_attn.qkv.weight": ONE},
    "an autoencoder alone: name the checkpoint": {"encoder.conv_in.weight": ONE, "decoder.conv_in.weight": ONE},
    "a LoRA alone: name the checkpoint": {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight": ONE},
    "a ControlNet": {"control_model.input_blocks.0.0.weight": ONE},
    "a learned word alone": {"emb_params": ONE},
    "of no kind known here; it begins with 'weight'": {"weight": ONE},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_named(tmp_path, kind):
    save_file(KINDS[kind], tmp_path / "file.safetensors")
    with pytest.raises(ValueError, match=f"'file.safetensors' is {kind}"):
        checkpoint(tmp_path / "file.safetensors")


def cut_short(path):
    save_file({"a": np.ones(1000, np.float32)}, path)
    path.write_bytes(path.read_bytes()[:-100])


def a_web_page(path):
    path.write_text("<!DOCTYPE html><html>Sign in</html>")


@pytest.mark.parametrize("damage", [cut_short, a_web_page, lambda path: path.write_bytes(b"")])
def test_a_damaged_file_is_told(tmp_path, damage):
    damage(tmp_path / "file.safetensors")
    with pytest.raises(ValueError, match=r"'file.safetensors' \([\d,]+ bytes\) is no whole safetensors file.*fetch it"):
        checkpoint(tmp_path / "file.safetensors")


def test_a_pickle_is_not_opened(tmp_path):
    for name in ("model.ckpt", "lora.pt"):
        (tmp_path / name).write_bytes(b"cos\nsystem\n(S'touch never'\ntR.")
        with pytest.raises(ValueError, match="is a pickle, and opening one runs whatever program lies in it; take the"):
            checkpoint(tmp_path / name)


def test_what_is_not_there_is_told_with_what_is_near(tmp_path):
    (tmp_path / "dreamshaper_8.safetensors").touch()
    with pytest.raises(ValueError, match="Unknown model.*dreamshapr.*there is 'dreamshaper_8.safetensors'"):
        checkpoint(tmp_path / "dreamshapr_8.safetensors")
    names = "choose one of 'pocket', 'pocket-inpainting', 'sd-1.4'.*'owner/name'"
    with pytest.raises(ValueError, match=f"Unknown model 'sd-1.6': {names}"):
        checkpoint("sd-1.6")


@pytest.mark.parametrize(
    "files, told",
    [
        ({}, "it is empty"),
        ({"notes.txt": ""}, "'model_index.json' is missing; there are 'notes.txt'"),
        ({"model.safetensors": ""}, "to load a single file, name it: 'model.safetensors'"),
        ({"config.json": {"_class_name": "UNet2DConditionModel"}}, "it is UNet2DConditionModel alone"),
        ({"model_index.json": {"_class_name": "StableDiffusionXLPipeline"}}, "diffusers' StableDiffusionXLPipeline"),
        ({"model_index.json": {"_class_name": "FluxPipeline"}}, "diffusers' FluxPipeline"),
        ({"model_index.json": "{"}, "is no JSON"),
    ],
)
def test_a_folder_of_another_kind_is_named(tmp_path, files, told):
    for name, content in files.items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=told):
        checkpoint(tmp_path)


@pytest.mark.parametrize(
    "array, told",
    [
        (np.array([1, np.nan], np.float32), "numbers that are not finite"),
        (np.array([1, 2], np.int8), "of I8 numbers; weights of F64, F32, F16, BF16 can be read"),
    ],
)
def test_numbers_that_are_no_weights(tmp_path, array, told):
    save_file({"conv.weight": array}, tmp_path / "file.safetensors")
    with pytest.raises(ValueError, match=f"'conv.weight' in 'file.safetensors'.*{told}"):
        TensorFile(tmp_path / "file.safetensors").read("conv.weight")


def dense(tmp_path, **arrays):
    import keras

    network = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, name="layer")], name="little")
    save_file({name.replace("_", "."): each for name, each in arrays.items()}, tmp_path / "file.safetensors")
    file = TensorFile(tmp_path / "file.safetensors")
    return load(network, {name: StoredTensor(file, name) for name in file.shapes})


def test_tensors_missing_left_over_or_of_another_shape_are_named(tmp_path):
    weight, bias = np.arange(6, dtype=np.float32).reshape(2, 3), np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="lack 1 tensors that 'little' needs: 'layer.bias'"):
        dense(tmp_path, layer_weight=weight)
    with pytest.raises(ValueError, match="have 1 tensors that 'little' does not take: 'other.weight'"):
        dense(tmp_path, layer_weight=weight, layer_bias=bias, other_weight=bias)
    with pytest.raises(ValueError, match=r"'layer.weight' has the shape \(3, 2\) in 'file.safetensors'"):
        dense(tmp_path, layer_weight=weight.T.copy(), layer_bias=bias)
    np.testing.assert_array_equal(dense(tmp_path, layer_weight=weight, layer_bias=bias).layers[0].kernel, weight.T)


def test_options_that_do_not_go_together(tmp_path):
    with pytest.raises(ValueError, match="weights='h5' is unknown: choose 'hub' or 'keras'"):
        checkpoint("sd-1.4", weights="h5")
    with pytest.raises(ValueError, match="weights='keras' are those of 'sd-1.4', 'sd-2.1'; 'sd-turbo' has none"):
        checkpoint("sd-turbo", weights="keras")
    with pytest.raises(ValueError, match="loras cannot be given with KerasCV's own files of 'sd-1.4'"):
        checkpoint("sd-1.4", weights="keras", loras={"x.safetensors": 1.0})
    with pytest.raises(ValueError, match="prediction='v' is unknown: choose 'noise' or 'velocity'"):
        checkpoint("sd-2.1", prediction="v")
    with pytest.raises(ValueError, match="How much of 'x.safetensors' is added must be a number.*got 'much'"):
        with_loras(checkpoint("sd-1.5"), {"x.safetensors": "much"})


LORAS = {
    "is for another family of checkpoints: its 'lora_unet_conv_in' changes 9 numbers into 4": {
        "lora_unet_conv_in.lora_down.weight": np.ones((1, 9), np.float32),
        "lora_unet_conv_in.lora_up.weight": np.ones((4, 1), np.float32),
    },
    "is for another family of checkpoints: it changes 1 modules that there are not here: 'lora_te2_fc1'": {
        "lora_te2_fc1.lora_down.weight": np.ones((1, 9), np.float32),
        "lora_te2_fc1.lora_up.weight": np.ones((4, 1), np.float32),
    },
    "holds a LoHa; only plain LoRA": {"lora_unet_conv_in.hada_w1_a": ONE},
    "is no LoRA: no pair of factors was found": {"weight": ONE},
}


@pytest.mark.parametrize("told", LORAS)
def test_a_lora_that_does_not_fit_is_told(tmp_path, told):
    save_file({"conv_in.weight": np.ones((4, 4, 3, 3), np.float32)}, tmp_path / "base.safetensors")
    save_file(LORAS[told], tmp_path / "lora.safetensors")
    base = TensorFile(tmp_path / "base.safetensors")
    tensors = {"conv_in.weight": StoredTensor(base, "conv_in.weight")}
    known = checkpoint("sd-1.5").source
    files = CheckpointFiles(known.architecture, {}, tensors, None)
    source = Source("small", "", known.architecture, lambda: files)
    changed = with_loras(described(source), {tmp_path / "lora.safetensors": 1.0})
    with pytest.raises(ValueError, match=f"'lora.safetensors' {told}"):
        changed.source.loaded("diffusion_model", None)
