"""The source paper's own system, whole: `foretune tune --optimizer transfer`, `quick-tune`, `quick-tune-repaired`.

Strangmann, Purucker, Franke, Rapant, Ferreira, Hutter: "Transfer Learning for Finetuning Large Language Models" (arXiv
2411.01195), which adjusts Quick-Tune (Arango et al., ICLR 2024). `docs/paper.md` says how to run it, and how the
default search differs. In the order of the paper's method:

    synthetic question-answer datasets      foretune.synthesis
    meta-dataset of finetuning runs         foretune.collect, foretune.metadata
    performance surrogate
        what it reads                       inputs.py, examples.py
        deep kernel, trained from scratch   deep_kernel.py
        Gaussian process, conditioned       posterior.py
        prediction of learning curves       performance.py
        meta-learning, model selection      fit.py, held_out.py
    cost surrogate                          foretune.surrogate.cost, which the default search has, too
    grey-box meta-optimization              transfer.py: expected improvement against cost, a slice at a time
    transfer only (the paper's method)      transfer.py: the surrogates are never refit
    Quick-Tune (what it is compared with)   quick_tune.py, with refit.py: task-specific Bayesian optimization

`kind.py` tells the rest of foretune of the surrogate (`foretune.surrogate.kinds`); the optimizers are entries of
`foretune.optimizer.registry`. Both name this package by a string, so that it is imported when it is first asked for.
Training needs gpytorch (`pip install 'foretune[paper]'`), predicting numpy alone.

The paper's words here: a *fidelity* is a number of slices of a run, a *learning curve* the scores after each, a *task*
a dataset with a base model, described by *meta-features*; what the paper calls a pipeline is a configuration.
"""
