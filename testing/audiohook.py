"""Messages of an AudioHook client of Genesys Cloud."""

import json

PATH = "/v1/live/audiohook"
SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
STEREO = {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}
OPEN = {
    "organizationId": "d7934305-0972-4844-938e-9060eef73d05",
    "conversationId": "090eaa2f-72fa-480a-83e0-8667ff89c0ec",
    "participant": {
        "id": "883efee8-3d6c-4537-b500-6d7ca4b92fa0",
        "ani": "+1-555-555-1234",
        "aniName": "John Doe",
        "dnis": "+1-800-555-6789",
    },
    "media": [
        {**STEREO, "format": "L16"},
        STEREO,
        {**STEREO, "channels": ["external"]},
        {**STEREO, "channels": ["internal"]},
    ],
    "language": "en-US",
    "customConfig": {"model": None, "interim_interval": 1},
}


class Client:
    """The messages of a client, numbered."""

    def __init__(self) -> None:
        self.seq = 0

    def __call__(self, kind: str, **parameters: object) -> str:
        self.seq += 1
        return json.dumps(
            {
                "version": "2",
                "id": SESSION,
                "type": kind,
                "seq": self.seq,
                "serverseq": 0,
                "position": "PT0S",
                "parameters": parameters,
            }
        )
