"""The examples that `python -m training VERB --help` ends with, by verb."""

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
