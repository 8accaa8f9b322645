// A broker of this process that is asked without sockets, as anybody.
import { onTestFinished } from 'vitest'
import { servedApis } from '../../../src/broker/apis/index.ts'
import { Broker } from '../../../src/broker/broker.ts'
import { BrokerConfig } from '../../../src/broker/broker-config.ts'
import { Dispatcher } from '../../../src/broker/dispatcher.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { ZERO_UUID } from '../../../src/protocol/schema.ts'
import { type AskAs, AUTHORIZER } from './rights-ground.ts'

const dispatcher = new Dispatcher(servedApis)

export async function rightsBroker(): Promise<{ broker: Broker; ask: AskAs }> {
  const platform = { ...nodePlatform({ log: { level: 'error' } }), disk: memoryDisk() }
  const broker = Broker.open({
    platform,
    nodeId: 1,
    clusterId: 'AAAAAAAAAAAAAAAAAAAAAQ',
    listen: { address: { host: '127.0.0.1', port: 0 }, allowInsecure: false, files: platform },
    directory: '/memory/1',
    directoryId: ZERO_UUID,
    config: new BrokerConfig({ 'authorizer.class.name': AUTHORIZER, 'super.users': 'User:root' }),
    dispatcher,
  })
  await broker.start()
  onTestFinished(() => broker.stop('at once'))
  const ask: AskAs = async (who, api, request, version) => {
    const latest = servedApis.find((row) => row.api.key === api.key)!.maxVersion
    const frame = Buffer.concat(encodeRequest(api, version ?? latest, { correlationId: 1, clientId: 'test' }, request))
    const caller = { principal: { type: 'User', name: who }, host: '127.0.0.1' }
    const answer = await dispatcher.dispatch(broker, broker.log, { caller, listener: 'PLAINTEXT' }, frame.subarray(4))
    if (!Array.isArray(answer)) throw new Error(`${api.name} was not answered`)
    return decodeResponse(api, version ?? latest, Buffer.concat(answer).subarray(4))
  }
  return { broker, ask }
}
