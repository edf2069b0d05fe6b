"""The texts of `python -m training VERB --help` besides the options, by verb."""

DESCRIPTIONS = {
    "corpora": """\
List the corpora that can be read, with their languages, speakers and terms, or all facts of one corpus.""",
    "hyperparameters": """\
Print every hyperparameter of a model with its default. The output is a TOML file for --model.""",
    "extract": """\
Compute the features of all recordings under each condition, and keep them. A training computes what is
missing, so this verb is for another machine, or for a Dask cluster.""",
    "train": """\
Cross-validate a model, and write a bundle: networks in ONNX, scaler, figures, pictures and model card.
Each complete fold is kept, and the same command resumes an interrupted training.""",
    "compare": """\
Compare models on the same folds: the UAR of each model, the difference of each pair with its p-value,
mean ranks, and the cost of one utterance.""",
    "describe": """\
Write an HTML report: utterances by label, speaker, sex and language, durations and levels, and problems
such as copies, clipping and silence.""",
    "explain": """\
Draw which moments of a recording decide its answer (--recording), and for corpora (--corpus) a map of
utterances, the importance of groups of values, and the confusions by corpus, sex and language. Nothing is
trained.""",
    "evaluate": """\
Score a bundle on labeled recordings that did not train it. The answers are those of the service.""",
    "adapt": """\
Estimate the scaler of a bundle with openSMILE features again, from unlabeled recordings of your site.""",
    "finetune": """\
Correct the answers of a bundle with 20 to 500 labeled utterances of your site. The command measures the
gain in cross-validation over the speakers, and writes no bundle if there is none.""",
    "redraw": """\
Write the model card and the pictures of a bundle again, from the folds of its training.""",
}

EXAMPLES = {
    "corpora": """\
  python -m training corpora
  python -m training corpora iemocap""",
    "hyperparameters": """\
  python -m training hyperparameters dense""",
    "extract": """\
  python -m training extract --corpus csv=/data/ours/utterances.csv --conditions clean telephone""",
    "train": """\
  python -m training train --name site --corpus csv=/data/ours/utterances.csv --export all-data
  python -m training train --name german --corpus emodb=/data/emodb --features ComParE_2016 \\
      --model fusion --dry-run
  python -m training train --name found --corpus emodb=/data/emodb --features eGeMAPSv02 \\
      --model examples/search.toml""",
    "compare": """\
  python -m training compare --corpus csv=/data/emodb/utterances.csv --features ComParE_2016 \\
      --model cnn svm-linear --protocol speaker-independent --training-seeds 1 2 3 --output comparison""",
    "describe": """\
  python -m training describe --corpus csv=/data/ours/utterances.csv --corpus emodb=/data/emodb \\
      --output report""",
    "explain": """\
  python -m training explain --bundle models/multilingual --recording examples/utterance.wav \\
      --corpus csv=/data/ours/utterances.csv --output explanation""",
    "evaluate": """\
  python -m training evaluate --bundle models/multilingual --corpus csv=/data/ours/utterances.csv \\
      --output evaluation""",
    "adapt": """\
  python -m training adapt --bundle models/opensmile --audio /data/ours/unlabeled --name site""",
    "finetune": """\
  python -m training finetune --bundle models/multilingual --corpus csv=/data/ours/utterances.csv \\
      --name ours""",
    "redraw": """\
  python -m training redraw --bundle models/site --corpus csv=/data/ours/utterances.csv \\
      --run .cache/runs/encoder-0123456789abcdef""",
}
