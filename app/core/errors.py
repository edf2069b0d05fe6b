"""The tree of errors.

All errors that this project raises on purpose form one tree. Each message says what happened and what to
do. A message contains no secrets, so that the sender may read it.

    SpeechEmotionError
    ├── AudioError               the recording cannot be analyzed; its sender can correct that
    │   ├── UnsupportedMediaType   the format of the file is unknown or not enabled
    │   ├── AudioUndecodable       the file is damaged or out of range
    │   ├── AudioTooShort          the recording is shorter than the minimum
    │   ├── AudioTooLong           the recording is longer than the limit
    │   ├── ChannelNotFound        the recording has no such channel
    │   └── RolesMismatch          the roles name neither the channels nor the speakers
    ├── ChannelNotPermitted      the operator does not permit the analysis of this channel
    ├── BundleError              a bundle does not match itself or this installation
    ├── ModelNotFound            the service has no bundle of that name
    ├── StorageFull              the storage has no space for another recording
    ├── InvalidMetadata          app.calls.metadata: the metadata of a call is wrong or exceeds a limit
    ├── AuditLogUnavailable      app.audit: the audit log cannot be opened
    ├── RolloutInvalid           app.rollout: the file of a rollout is not valid
    ├── RulesInvalid             app.rules.errors: the file of rules is not valid
    ├── WorkerError              app.pool.errors: the pool could not answer
    │   ├── NotReady               the workers are still loading, or the service is stopping
    │   ├── Overloaded             every worker is busy and the queue is full
    │   ├── ConcurrencyLimited     the caller has as many requests in progress as it may
    │   ├── DeadlineExceeded       the request exceeded its time limit
    │   └── WorkerLost             the worker died while it processed this recording
    ├── WorkerFailed             app.pool.process: an unexpected error in a worker
    ├── AccessError              app.api.security: access denied
    │   ├── Unauthenticated        the API key is missing or unknown
    │   ├── KeyExpired             the API key has expired
    │   ├── ScopeMissing           the API key does not have the scope of the request
    │   └── RateLimited            the caller exceeded its request rate
    ├── UploadError              app.api.upload_errors: the request contains no valid recording
    │   ├── MalformedRequest       the body is empty or cannot be parsed
    │   ├── InvalidRequest         the body can be parsed, but a part is missing or wrong
    │   ├── UploadTooLarge         the body is larger than the limit
    │   └── UploadTimeout          the upload stalled, or took too long
    ├── JobError                 app.jobs: a job is refused, unknown, or cannot be completed
    │   ├── JobNotFound            the caller has no job with this ID
    │   ├── WebhookNotFound        the caller has no webhook with this ID
    │   ├── IdempotencyKeyReused   the key belongs to a job with other content
    │   ├── CallbackRefused        the callback address is not permitted
    │   ├── JobsFull               the job queue is full
    │   ├── JobsUnavailable        jobs are disabled, or their database is unreachable
    │   ├── DatabaseAway           the PostgreSQL server of the jobs does not answer at the start
    │   ├── RecordingLost          the recording of a job cannot be fetched
    │   └── JobCancelled           the owner canceled the job while it ran
    ├── LiveError                app.live.connection: a live session is refused or ended
    │   ├── SessionsFull           the limit of sessions is reached
    │   ├── InvalidMessage         a message cannot be understood, or came at the wrong time
    │   ├── SessionIdle            the client sent nothing for too long
    │   ├── SessionNotFound        the caller has no session of this ID
    │   ├── SessionReplaced        another connection continues the session
    │   ├── OriginRefused          the page that opened the WebSocket belongs to another site
    │   └── RelayUnavailable       the database of live messages cannot be reached
    ├── NotAnalyzed              app.batch.engine: a recording of an archive could not be analyzed
    ├── ClusterError             app.cluster: a Dask cluster cannot be used, or is lost
    └── TrainingError            training.errors: a training run cannot work

If a line names a module, that module defines the branch, beside the code that raises the errors. All
branches share this root, so that one walk through the tree finds every error.
"""


class SpeechEmotionError(Exception):
    """The root of all errors that this project raises on purpose."""


class AudioError(SpeechEmotionError):
    """The recording cannot be analyzed; its sender can correct that."""


class UnsupportedMediaType(AudioError):
    """The format of the file is unknown or not enabled."""


class AudioUndecodable(AudioError):
    """The file is damaged, or out of the accepted range."""


class AudioTooShort(AudioError):
    """The recording is shorter than the minimum."""


class AudioTooLong(AudioError):
    """The recording is longer than the limit."""


class ChannelNotFound(AudioError):
    """The recording has no such channel."""


class RolesMismatch(AudioError):
    """The roles name neither the channels of the call nor the speakers of one channel."""


class ChannelNotPermitted(SpeechEmotionError):
    """The operator does not permit the analysis of this channel."""


class BundleError(SpeechEmotionError):
    """A bundle does not match itself or this installation."""


class ModelNotFound(SpeechEmotionError):
    """The service has no bundle of that name."""


class StorageFull(SpeechEmotionError):
    """The storage has no space for another recording."""


REGISTRY: dict[str, type[SpeechEmotionError]] = {
    error.__name__: error
    for error in (
        UnsupportedMediaType,
        AudioUndecodable,
        AudioTooShort,
        AudioTooLong,
        ChannelNotFound,
        RolesMismatch,
        ChannelNotPermitted,
        BundleError,
        ModelNotFound,
    )
}
"""The errors that can cross a process boundary, by name."""
