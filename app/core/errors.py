"""The tree of errors.

Every error that this project raises on purpose stands in one tree. The message of each says
what was wrong and what to do about it, in words that may be shown to the sender.

    SpeechEmotionError
    ├── AudioError               the recording cannot be analysed; its sender can mend that
    │   ├── UnsupportedMediaType   not a WAV or FLAC, or a codec that is not on the list
    │   ├── AudioUndecodable       the right format, but broken, or out of the accepted range
    │   ├── AudioTooShort          less sound than the least that can be analysed
    │   ├── AudioTooLong           more sound than one request may carry
    │   └── ChannelNotFound        the recording has no such channel
    ├── BundleError              a bundle does not match itself or this installation
    ├── ModelNotFound            no bundle of that name is served
    ├── WorkerError              app.workers: the pool could not answer
    │   ├── NotReady               the workers are still loading, or the service is stopping
    │   ├── Overloaded             every worker is busy and the queue is full
    │   ├── DeadlineExceeded       no answer within the time a request may take
    │   └── WorkerLost             the worker died while it had this recording
    ├── WorkerFailed             app.worker: something in a worker that nobody expected
    ├── AccessError              app.api.security: the caller may not do this
    │   ├── Unauthenticated        no key, or one that is not known
    │   ├── ChannelNotPermitted    the operator does not let this channel be analysed
    │   └── RateLimited            more requests than a key may make
    ├── UploadError              app.api.upload: the request does not carry a recording
    │   ├── MalformedRequest       the body is empty or cannot be parsed
    │   ├── InvalidRequest         it can be parsed, but a part of it is missing or wrong
    │   ├── UploadTooLarge         more bytes than one request may carry
    │   └── UploadTimeout          the upload stalled, or took too long
    ├── JobError                 app.jobs: a job cannot be taken, is not there, or does not come to its end
    │   ├── JobNotFound            the caller has no job of that id
    │   ├── IdempotencyKeyReused   the same key came with another recording or other parameters
    │   ├── CallbackRefused        the address may not be called
    │   ├── JobsFull               as many jobs wait as may
    │   ├── JobsUnavailable        the service takes no jobs, or cannot reach them
    │   ├── StorageFull            there is no room for another recording
    │   ├── RecordingLost          the recording of a job cannot be fetched
    │   └── JobCancelled           its owner cancelled the job while it ran
    ├── NotAnalysed              app.engines: a recording of an archive could not be analysed
    ├── EngineLost               app.engines: the cluster is gone, so that none can be
    └── TrainingError            training.errors: a training run that cannot work, and why

The branches that name a module are defined there, beside the code that raises them; they hang
on this root so that one walk of the tree finds them all.
"""


class SpeechEmotionError(Exception):
    """The root: anything that this project raises on purpose."""


class AudioError(SpeechEmotionError):
    """The recording cannot be analysed; its sender can mend that."""


class UnsupportedMediaType(AudioError):
    """Not a WAV or FLAC file, or one with a codec that is not on the list."""


class AudioUndecodable(AudioError):
    """A WAV or FLAC file that is broken, or whose content is out of the accepted range."""


class AudioTooShort(AudioError):
    """Less sound than the least that can be analysed."""


class AudioTooLong(AudioError):
    """More sound than one request may carry."""


class ChannelNotFound(AudioError):
    """The recording has no such channel."""


class BundleError(SpeechEmotionError):
    """A bundle does not match itself or this installation."""


class ModelNotFound(SpeechEmotionError):
    """No bundle of that name is served."""
