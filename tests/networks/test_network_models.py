"""Sizes of the models against published counts and hand formulas, and what their parts do."""

from __future__ import annotations

import importlib.util

import pytest

torch = pytest.importorskip("torch")

from analysis.networks.models import MODELS, build_model, parameter_count  # noqa: E402
from analysis.networks.models.dense import own_densenet  # noqa: E402
from analysis.networks.models.language import LSTMLanguageModel, lstm_parameter_count  # noqa: E402
from analysis.networks.models.residual import Block, own_resnet  # noqa: E402

pytestmark = pytest.mark.torch

CIFAR, MNIST = (3, 32, 32), (1, 28, 28)


def count(name: str, shape: tuple[int, ...], outputs: int, **options: object) -> int:
    with torch.device("meta"):
        return parameter_count(build_model(name, options, shape, outputs))


@pytest.mark.parametrize(
    ("depth", "published"), [(20, 0.27), (32, 0.46), (44, 0.66), (56, 0.85), (110, 1.7)]
)  # He et al. (2016), table 6, millions
def test_cifar_resnets_have_the_published_sizes(depth: int, published: float) -> None:
    found = count("cifar-resnet", CIFAR, 10, depth=depth)
    assert round(found / 1e6, 1 if depth == 110 else 2) == published
    # By hand: stem, three stages of n basic blocks without projections, dense layer; two numbers per normalization.
    n = (depth - 2) // 6
    stages = sum(
        9 * a * w + 9 * w * w + 4 * w + (n - 1) * (2 * 9 * w * w + 4 * w) for a, w in ((16, 16), (16, 32), (32, 64))
    )
    assert found == 9 * 3 * 16 + 32 + stages + 64 * 10 + 10


@pytest.mark.parametrize(
    ("name", "options", "shape", "outputs", "expected"),
    [
        ("mlp", {}, MNIST, 10, 784 * 1000 + 1000 + 1000 * 500 + 500 + 500 * 100 + 100 + 1000 + 10),
        ("mlp", {"hidden": []}, (30,), 2, 62),
        # 64 of 5x5x3, 96 of 3x3x64, 128 of 3x3x96, dense 3x3x128 -> 512 -> 256 -> 10: the benchmark suite's 895 210
        ("cifar-cnn", {}, CIFAR, 10, 4864 + 55392 + 110720 + 590336 + 131328 + 2570),
        ("all-cnn", {}, CIFAR, 100, 1_387_108),
        ("mnist-cnn", {}, MNIST, 10, 320 + 18496 + 9216 * 128 + 128 + 1290),
        # torchvision's documented counts of the ImageNet models
        ("resnet", {"depth": 18, "stem": "imagenet"}, CIFAR, 1000, 11_689_512),
        ("resnet", {"depth": 34, "stem": "imagenet"}, CIFAR, 1000, 21_797_672),
        ("resnet", {"depth": 50, "stem": "imagenet"}, CIFAR, 1000, 25_557_032),
        ("resnet", {"depth": 50, "stem": "imagenet", "groups": 32}, CIFAR, 1000, 25_028_904),
        ("densenet", {"depth": 121, "stem": "imagenet"}, CIFAR, 1000, 7_978_856),
        # 3x3 stem in place of 7x7 and another head
        ("resnet", {"depth": 18}, CIFAR, 10, 11_689_512 - 64 * 3 * 40 - 513 * 1000 + 513 * 10),
        ("resnet", {"depth": 34}, CIFAR, 100, 21_797_672 - 64 * 3 * 40 - 513 * 1000 + 513 * 100),
        ("densenet", {"depth": 100}, CIFAR, 10, 769_162),  # DenseNet-BC (L=100, k=12), published 0.8M
        ("densenet", {"growth": 12}, CIFAR, 10, 1_000_618),
        ("wide-resnet", {}, CIFAR, 10, 2_748_890),  # WRN-16-4, published 2.7M
        ("vgg", {"depth": 16}, CIFAR, 10, 14_728_266),
        ("vgg", {"depth": 19}, CIFAR, 10, 20_040_522),
        ("alexnet", {}, CIFAR, 10, 2_472_266),
    ],
)
def test_sizes(name: str, options: dict, shape: tuple[int, ...], outputs: int, expected: int) -> None:
    assert count(name, shape, outputs, **options) == expected


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_language_models_have_the_size_of_the_formula(layers: int) -> None:
    with torch.device("meta"):
        model = LSTMLanguageModel(10_000, layers=layers)
    assert parameter_count(model) == lstm_parameter_count(10_000, 400, 1150, layers)
    if layers == 3:  # Merity et al. (2017): 24M
        assert round(parameter_count(model) / 1e6) == 24
    with torch.device("meta"):
        untied = LSTMLanguageModel(50, 7, 11, layers, tied=False)
    assert parameter_count(untied) == lstm_parameter_count(50, 7, 11, layers, tied=False)


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"lstm"}))
def test_images_become_scores_with_gradients_everywhere(name: str) -> None:
    torch.manual_seed(0)
    shape = MNIST if name == "mnist-cnn" else CIFAR
    options = {"depth": 16} if name == "densenet" else {}
    model = build_model(name, options, shape, 7)
    outputs = model(torch.randn(4, *shape))
    assert outputs.shape == (4, 7)
    outputs.square().sum().backward()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in model.parameters())


@pytest.mark.parametrize("pre", [False, True])
@pytest.mark.parametrize("bottleneck", [False, True])
def test_a_block_whose_convolutions_vanish_is_its_shortcut(pre: bool, bottleneck: bool) -> None:
    x = torch.randn(2, 8, 6, 6).abs()
    block = Block(8, 4, 8, bottleneck=bottleneck, pre=pre)
    for conv in block.convs:
        torch.nn.init.zeros_(conv.weight)
    torch.testing.assert_close(block.eval()(x), x)
    # Option A: every second pixel, zeros for the new channels.
    wider = Block(8, 4, 12, 2, bottleneck=bottleneck, pre=pre, shortcut="padding")
    for conv in wider.convs:
        torch.nn.init.zeros_(conv.weight)
    y = wider.eval()(x)
    torch.testing.assert_close(y[:, 2:10], x[:, :, ::2, ::2])
    assert bool((y[:, :2] == 0).all()) and bool((y[:, 10:] == 0).all())


def test_language_model_carries_its_state_and_sees_no_future() -> None:
    torch.manual_seed(0)
    model = LSTMLanguageModel(20, 6, 8, 2).eval()
    words = torch.randint(0, 20, (9, 3))
    whole = model(words)
    first = model(words[:4])
    second = model(words[4:], first.hidden)
    torch.testing.assert_close(torch.cat([first.scores, second.scores]), whole.scores)
    changed = words.clone()
    changed[5:] = (changed[5:] + 1) % 20
    torch.testing.assert_close(model(changed).scores[:5], whole.scores[:5])


def test_language_model_dropouts_act_in_training_only() -> None:
    model = LSTMLanguageModel(20, 6, 8, 2)
    words = torch.randint(0, 20, (5, 3))
    model.eval()
    assert torch.equal(model(words).scores, model(words).scores)
    model.train()
    torch.manual_seed(1)
    drawn = model(words)
    torch.manual_seed(1)
    assert torch.equal(drawn.scores, model(words).scores)
    assert not torch.equal(drawn.scores, model(words).scores)
    # Locked: the same units are missing at all positions.
    missing = drawn.dropped == 0
    assert bool((missing.all(0) == missing.any(0)).all()) and bool(missing.any())
    drawn.scores.sum().backward()
    assert all(p.grad is not None for p in model.parameters())  # the dropped recurrent weights too


@pytest.mark.parametrize(
    ("name", "options", "shape", "match"),
    [
        ("cifar-resnet", {"depth": 21}, CIFAR, "depth must be 6 n"),
        ("resnet", {"depth": 19}, CIFAR, "depth must be one of 18, 34, 50"),
        ("resnet", {"stem": "other"}, CIFAR, "stem must be"),
        ("resnet", {"groups": 32}, CIFAR, "groups must be 1"),
        ("wide-resnet", {"depth": 17}, CIFAR, "depth must be 6 n"),
        ("densenet", {"depth": 99}, CIFAR, "depth must be 121"),
        ("vgg", {"depth": 12}, CIFAR, "depth must be one of"),
        ("vgg", {}, MNIST, "needs 32 x 32"),
        ("alexnet", {}, MNIST, "32 x 32"),
        ("resnet", {}, (30,), "takes images"),
    ],
)
def test_sizes_that_do_not_exist_are_refused(name: str, options: dict, shape: tuple[int, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        build_model(name, options, shape, 10)


@pytest.mark.skipif(not importlib.util.find_spec("torchvision"), reason="needs torchvision")
def test_own_models_are_torchvisions() -> None:
    from torchvision import models

    with torch.device("meta"):
        pairs = [
            (own_resnet(CIFAR, 1000, 18, "imagenet", 1), models.resnet18()),
            (own_resnet(CIFAR, 1000, 34, "imagenet", 1), models.resnet34()),
            (own_resnet(CIFAR, 1000, 50, "imagenet", 32), models.resnext50_32x4d()),
            (own_densenet(CIFAR, 1000, 121, 32, "imagenet"), models.densenet121()),
        ]
    for own, theirs in pairs:
        assert sorted(tuple(p.shape) for p in own.parameters()) == sorted(tuple(p.shape) for p in theirs.parameters())
