"""`python -m speech_emotion_client` is the command `speech-emotion`."""

import sys

from speech_emotion_client.command import main

sys.exit(main())
