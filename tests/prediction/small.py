"""Options of a run that takes a second, on made-up stars."""

SMALL = (
    "data=hdf5",
    "data.n_train=800",
    "data.n_val=200",
    "data.n_test=200",
    "features=pca",
    "evaluation.n_resamples=50",
    "training.max_epochs=5",
    "tracking.figure_formats=[]",
)
