/** What is wrong with record bytes: they contradict themselves, they pass a limit, or they use what Kafka never defined. */
export type RecordsFault = 'corrupt' | 'too-large' | 'unsupported'

/** Thrown by every reader of this room, whatever bytes it is fed; any other exception from it is a bug here. */
export class RecordsError extends Error {
  readonly fault: RecordsFault

  constructor(fault: RecordsFault, message: string) {
    super(message)
    this.name = 'RecordsError'
    this.fault = fault
  }
}

export function corrupt(message: string): RecordsError {
  return new RecordsError('corrupt', message)
}
