"""Folders with the real names of known corpora, and the labels that their readers must find."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Label = tuple[str, str, str | None, str | None, int | None]
"""Emotion, speaker without the name of the corpus, sex, language, test fold."""


@dataclass(frozen=True)
class Tree:
    """A folder: recordings with the expected label, None for no utterance, and the texts of tables."""

    recordings: Mapping[str, Label | None]
    tables: Mapping[str, str] = field(default_factory=dict)


IEMOCAP_LINES = """% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]

[6.2901 - 8.2357]\tSes01F_impro01_F000\tneu\t[2.5000, 2.5000, 2.5000]
C-E2:\tNeutral;\t()
[10.0100 - 11.3925]\tSes01F_impro01_M001\texc\t[2.5000, 2.5000, 2.5000]
[14.8872 - 18.0175]\tSes01F_impro01_F002\txxx\t[2.5000, 2.5000, 2.5000]
"""
IEMOCAP_MORE = """[1.0000 - 2.0000]\tSes05M_script03_2_MXX1\tfru\t[2.5000, 2.5000, 2.5000]
[2.0000 - 3.0000]\tSes05M_script03_2_F012\toth\t[2.5000, 2.5000, 2.5000]
"""
IMPROV_LINES = """UTD-IMPROV-S01A-F01-P-FM01.avi; N; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;
ABC-1; Neutral; Neutral; A:3.000000; V:3.000000; D:3.000000; N:4.000000;

UTD-IMPROV-S02H-M06-S-MF02.avi; H; A:3.000000; V:3.500000; D:NaN ; N:4.000000;
UTD-IMPROV-S03S-M02-R-MM03.avi; X; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;
UTD-IMPROV-S01A-F02-R-FF01.avi; A; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;
UTD-IMPROV-S01A-M05-S-FM13.avi; N; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;
UTD-IMPROV-S01A-F05-T-FM01.avi; A; A:3.000000; V:3.500000; D:3.000000 ; N:4.000000;
"""
PODCAST_LINES = """FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set
MSP-PODCAST_0001_0008.wav,N,2.2,4,3,127,Male,Train
MSP-PODCAST_0001_0019.wav,C,2.2,4,3,128,Female,Development
MSP-PODCAST_0002_0033_0001.wav,A,2.2,4,3,129,Female,Test1
MSP-PODCAST_0003_0001.wav,U,2.2,4,3,130,Unknown,Test2
MSP-PODCAST_0003_0002.wav,H,2.2,4,3,Unknown,Unknown,Train
MSP-PODCAST_0003_0003.wav,X,2.2,4,3,130,Male,Train
MSP-PODCAST_0003_0004.wav,O,2.2,4,3,130,Male,Train
"""
MELD_COLUMNS = "Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID\n"
TREES = {
    "aesdd": Tree(
        {
            "anger/a01 (1).wav": ("anger", "1", None, "el", None),
            "anger/a06 (5)b.wav": ("anger", "5", None, "el", None),
            "fear/f13 (01).wav": ("fear", "1", None, "el", None),
            "sadness/s20 (6).wav": ("sadness", "6", None, "el", None),
        }
    ),
    "cafe": Tree(
        {
            "Colère/Faible/01-C-1-1.wav": ("anger", "01", "m", "fr", 1),
            "Col\u0160re/Fort/12-C-2-6.wav": ("anger", "12", "f", "fr", 2),
            "Joie/Fort/03-J-2-2.wav": ("happiness", "03", "m", "fr", 3),
            "Neutre/10-N-1-4.wav": ("neutral", "10", "f", "fr", 1),
        }
    ),
    "cremad": Tree(
        {
            "AudioWAV/1001_DFA_ANG_XX.wav": ("anger", "1001", "m", "en", None),
            "AudioWAV/1002_IEO_HAP_LO.wav": ("happiness", "1002", "f", "en", None),
            "AudioWAV/1040_ITH_SAD_X.wav": ("sadness", "1040", "m", "en", None),
            "AudioWAV/1091_IEO_DIS_HI.wav": ("disgust", "1091", "f", "en", None),
        }
    ),
    "emodb": Tree(
        {
            "wav/03a01Fa.wav": ("happiness", "03", "m", "de", None),
            "wav/16b10Lb.wav": ("boredom", "16", "f", "de", None),
        }
    ),
    "emovdb": Tree(
        {
            "bea/Amused/amused_1-15_0001.wav": ("amused", "bea", "f", "en", None),
            "jenie_Angry/anger_1-28_0011.wav": ("anger", "jenie", "f", "en", None),
            "sam/Sleepy/Sleepiness_1-28_0011.wav": ("sleepiness", "sam", "m", "en", None),
        }
    ),
    "emovo": Tree(
        {
            "EMOVO/f1/gio-f1-b1.wav": ("happiness", "f1", "f", "it", 5),
            "EMOVO/m3/pau-m3-n5.wav": ("fear", "m3", "m", "it", 2),
        }
    ),
    "esd": Tree(
        {
            "0011/Angry/0011_000351.wav": ("anger", "0011", "m", "en", None),
            "0009/Surprise/train/0009_001401.wav": ("surprise", "0009", "f", "zh", None),
        }
    ),
    "iemocap": Tree(
        {
            "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F000.wav": ("neutral", "1F", "f", "en", 1),
            "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M001.wav": ("excited", "1M", "m", "en", 1),
            "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_F002.wav": None,
            "Session1/sentences/wav/Ses01F_impro01/._Ses01F_impro01_F000.wav": None,
            "Session1/dialog/wav/Ses01F_impro01.wav": None,
            "Session5/sentences/wav/x/Ses05M_script03_2_MXX1.wav": ("frustration", "5M", "m", "en", 5),
            "Session5/sentences/wav/x/Ses05M_script03_2_F012.wav": None,
        },
        {
            "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt": IEMOCAP_LINES,
            "Session5/dialog/EmoEvaluation/Ses05M_script03_2.txt": IEMOCAP_MORE,
        },
    ),
    "jl": Tree(
        {
            "JL(wav+txt)/female1_angry_10a_1.wav": ("anger", "female1", "f", "en", 2),
            "JL(wav+txt)/male2_excited_1b_2.wav": ("excited", "male2", "m", "en", 1),
        }
    ),
    "meld": Tree(
        {
            "train_splits/dia0_utt0.wav": ("happiness", "Monica", "f", "en", None),
            "train_splits/dia0_utt7.wav": None,
            "dev_splits_complete/dia0_utt0.wav": ("anger", "Phoebe Sr.", None, "en", None),
            "output_repeated_splits_test/dia0_utt0.wav": ("surprise", "Ross", "m", "en", 1),
            "output_repeated_splits_test/final_videos_testdia0_utt0.wav": None,
        },
        {
            "train_sent_emo.csv": MELD_COLUMNS
            + '1,"Hi, you!",Monica,joy,positive,0,0\n2,Hm,Joey,fear,x,125,3\n',
            "dev_sent_emo.csv": MELD_COLUMNS + "1,Well,Phoebe Sr.,anger,negative,0,0\n",
            "test_sent_emo.csv": MELD_COLUMNS + "1,Oh,Ross,surprise,positive,0,0\n",
        },
    ),
    "mspimprov": Tree(
        {
            "session1/S01A/P/MSP-IMPROV-S01A-F01-P-FM01.wav": ("neutral", "F01", "f", "en", 1),
            "session6/S02H/S/MSP-IMPROV-S02H-M06-S-MF02.wav": ("happiness", "M06", "m", "en", 6),
            "session2/S03S/R/MSP-IMPROV-S03S-M02-R-MM03.wav": None,
            "session2/S01A/R/MSP-IMPROV-S01A-F02-R-FF01.wav": ("anger", "F02", "f", "en", 2),
            # The last part names the dialog: its first letter is not the speaker.
            "session5/S01A/S/MSP-IMPROV-S01A-M05-S-FM13.wav": ("neutral", "M05", "m", "en", 5),
            "session5/S01A/T/MSP-IMPROV-S01A-F05-T-FM01.wav": ("anger", "F05", "f", "en", 5),
        },
        {"Evalution.txt": IMPROV_LINES},
    ),
    "msppodcast": Tree(
        {
            "Audios/MSP-PODCAST_0001_0008.wav": ("neutral", "127", "m", "en", None),
            "Audios/MSP-PODCAST_0001_0019.wav": ("contempt", "128", "f", "en", None),
            "Audios/MSP-PODCAST_0002_0033_0001.wav": ("anger", "129", "f", "en", 1),
            "Audios/MSP-PODCAST_0003_0001.wav": ("surprise", "130", None, "en", 2),
            "Audios/MSP-PODCAST_0003_0002.wav": None,
            "Audios/MSP-PODCAST_0003_0003.wav": None,
            "Audios/MSP-PODCAST_0003_0004.wav": None,
            "Audios/MSP-PODCAST_test3_0001.wav": None,
            "Audios/MSP-PODCAST_9999_0001.wav": None,
        },
        {"Labels/labels_consensus.csv": PODCAST_LINES},
    ),
    "nemo": Tree(
        {
            "samples/IC0_anger_1.wav": ("anger", "IC0", "f", "pl", None),
            "samples/KS0_surprise_90.wav": ("surprise", "KS0", "m", "pl", None),
        },
        {
            "data.tsv": "file_id\temotion\traw_text\tspeaker_id\tgender\tage\n"
            'IC0_anger_1.wav\tanger\t"Nie\tIC0\tfemale\t25\n'
            "KS0_surprise_90.wav\tsurprise\tTak\tKS0\tmale\t30\n"
        },
    ),
    "ravdess": Tree(
        {
            "Actor_16/03-01-05-02-01-02-16.wav": ("anger", "16", "f", "en", 5),
            "Actor_01/03-01-02-01-01-01-01.wav": ("calm", "01", "m", "en", 1),
            "Actor_01/03-02-02-01-01-01-01.wav": None,
        }
    ),
    "savee": Tree(
        {
            "AudioData/DC/sa01.wav": ("sadness", "DC", "m", "en", 3),
            "AudioData/KL/n30.wav": ("neutral", "KL", "m", "en", 2),
            "ALL/JE_su10.wav": ("surprise", "JE", "m", "en", 1),
        }
    ),
    "shemo": Tree(
        {
            "female/F01A05.wav": ("anger", "F01", "f", "fa", None),
            "male/M23N10.wav": ("neutral", "M23", "m", "fa", None),
        }
    ),
    "subesco": Tree(
        {
            "F_02_MONIKA_S_1_NEUTRAL_5.wav": ("neutral", "F02", "f", "bn", None),
            "M_02_JAMAL_S_10_HAPPY_1.wav": ("happiness", "M02", "m", "bn", None),
        }
    ),
    "tess": Tree(
        {
            "OAF_angry/OAF_back_angry.wav": ("anger", "OAF", "f", "en", None),
            "OAF_neutral/OA_bite_neutral.wav": ("neutral", "OAF", "f", "en", None),
            "YAF_pleasant_surprised/YAF_back_ps.wav": ("surprise", "YAF", "f", "en", None),
        }
    ),
    "turev": Tree(
        {
            "Sound Source/Angry/1157_kz_acik.wav": ("anger", "1157", None, "tr", None),
            "Sound Source/Calm/7895_sk_algi.wav": ("calm", "7895", None, "tr", None),
        }
    ),
    "urdu": Tree(
        {
            "Angry/SM1_F10_A010.wav": ("anger", "SM1", "m", "ur", None),
            "Sad/SF11_F2_S02.wav": ("sadness", "SF11", "f", "ur", None),
        }
    ),
}
