"""Section 4: experiments."""

from __future__ import annotations

from ..claim import Claim, Missing

CLAIMS = [
    Claim(
        id="anderson-mixing/adaptive-versus-constant-regularisation",
        location="4, MNIST",
        statement=r"The comparison with RAM verifies the benefit of adaptive regularisation.",
        missing=Missing(
            "data",
            what="seeded runs of AdaSAM and RAM with tuned hyperparameters on one problem at several noise levels",
            would_decide="paired differences of the final loss with intervals, on seeds that did not tune",
        ),
    ),
    Claim(
        id="anderson-mixing/noise-tolerance",
        location="4, MNIST",
        statement=r"AdaSAM is tolerant to noise: few oscillations with large minibatches.",
        missing=Missing(
            "data",
            what="seeded runs of all methods over noise levels and batch sizes at equal gradient budget",
            would_decide="the growth of the final loss and of its oscillation with the noise, method by method",
        ),
    ),
    Claim(
        id="anderson-mixing/variance-reduction-lower-loss",
        location="4, Figure 1(c)",
        statement=r"AdaSAM-VR reaches a lower training loss ($10^{-9}$) at a higher cost per iteration.",
        missing=Missing(
            "data",
            what="seeded runs of AdaSAM-VR, SAM, SGD and SVRG at equal SFO budget",
            would_decide="the final losses with intervals for several batch sizes",
        ),
    ),
    Claim(
        id="anderson-mixing/mnist-training",
        location="4, Figure 1",
        statement=r"On 12k images AdaSAM minimises the training loss well; its preconditioned forms end higher and reach $10^{-3}$ sooner.",
        missing=Missing(
            "data",
            what="the MNIST images, the subset of 12k that was drawn, the tuned learning rates of appendix C",
            would_decide="100 epochs of the small network with each optimizer, several seeds",
        ),
    ),
    Claim(
        id="anderson-mixing/cifar-accuracy",
        location="4, Table 1",
        statement=r"AdaSAM consistently outperforms the other optimizers in final test accuracy.",
        missing=Missing(
            "data",
            what="CIFAR-10 and CIFAR-100, nine networks, 160 epochs, the hyperparameters of appendix C",
            would_decide="the final accuracies of every cell over several seeds",
        ),
    ),
    Claim(
        id="anderson-mixing/fewer-epochs",
        location="4, Figure 2",
        statement=r"With fewer epochs AdaSAM has a test loss comparable to or below that of SGDM and Lookahead.",
        missing=Missing(
            "data",
            what="CIFAR-10 and the runs of ResNet18 with 80, 120 and 160 epochs",
            would_decide="final test losses with intervals, at equal and at fewer epochs",
        ),
    ),
    Claim(
        id="anderson-mixing/memory-and-time",
        location="4, Table 2",
        statement=r"AdaSAM is cheaper than AdaHessian and saves more than 15% of SGDM's time.",
        missing=Missing(
            "data",
            what="CIFAR-10 and CIFAR-100, the four networks and one accelerator",
            would_decide="memory and time per epoch of the three optimizers, and the epoch of the stopping rule",
        ),
    ),
    Claim(
        id="anderson-mixing/penn-treebank",
        location="4, Figure 3, Table 3",
        statement=r"Adam-preconditioned AdaSAM has the lowest perplexity; plain AdaSAM is not suitable.",
        missing=Missing(
            "data",
            what="Penn Treebank, LSTMs of 1 to 3 layers in AdaBelief's setting",
            would_decide="validation and test perplexities over several seeds",
        ),
    ),
    Claim(
        id="anderson-mixing/tables-consistency",
        location="4, Tables 1-3",
        statement=r"The prose about Tables 1-3 agrees with the printed numbers.",
        missing=Missing("proof", "not compared yet", "the printed numbers"),
    ),
    Claim(
        id="anderson-mixing/table-4-summary",
        location="5, Table 4",
        statement=r"Signs of SAM against SGD in seven criteria.",
        missing=Missing("proof", "not derived yet", "the other entries"),
    ),
]
