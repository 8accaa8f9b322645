// DescribeLogDirs (key 35), versions 1–5.
//
// - One log directory, with the sizes of its partitions; null topics: all. In memory the directory is only a name.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - v4+: total and usable bytes of its disk (KIP-827); in memory −1.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeLogDirs } from '../../protocol/messages/describe-log-dirs.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveDescribeLogDirs = serve(describeLogDirs, [1, 5], (broker, request, call) => {
  if (!call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, results: [] }
  }
  const topics = sizes(broker, request.topics)
  const { path } = broker.partitions
  const space = broker.platform.disk.space?.(path)
  const results = [{ errorCode: ErrorCode.NONE, logDir: path, topics, ...space }]
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, results }
})

function sizes(broker: Broker, asked: Request<typeof describeLogDirs>['topics']) {
  const wanted = asked ?? [...broker.image.topics.keys()].map((topic) => ({ topic, partitions: undefined }))
  return wanted.flatMap(({ topic, partitions }) => {
    const open = [...broker.partitions.of(topic).values()]
    const chosen = open.filter(({ partitionId }) => partitions?.includes(partitionId) ?? true)
    if (chosen.length === 0) return []
    return [
      {
        name: topic,
        partitions: chosen.map(({ partitionId, log }) => ({
          partitionIndex: partitionId,
          partitionSize: log.sizeInBytes,
          offsetLag: 0,
          isFutureKey: false,
        })),
      },
    ]
  })
}
