"""The terms of use of the known corpora, which a model card repeats for its corpora."""

TERMS = {
    "emodb": "EMO-DB, German: free for research; no license text seen",
    "ravdess": "RAVDESS, English: CC BY-NC-SA 4.0",
    "turev": "TurEV-DB, Turkish single words: CC BY-NC-ND 4.0",
    "urdu": "URDU, talk shows: research purposes only",
    "nemo": "nEMO, Polish: CC BY-NC-SA 4.0",
    "shemo": "ShEMO, Persian: free for research; no license text seen",
}
