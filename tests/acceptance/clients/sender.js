// Sends lives of calls that stand on its standard input, by kafkajs.
const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { CompressionTypes, Kafka, Partitioners, logLevel } = require("kafkajs");

const PARTITIONERS = {
  murmur2: Partitioners.DefaultPartitioner,
  legacy: Partitioners.LegacyPartitioner,
};
const CODECS = { none: CompressionTypes.None, gzip: CompressionTypes.GZIP };

function byHand({ attributes, data }) {
  const headers = {};
  for (const [name, value] of Object.entries(attributes))
    headers[name === "datacontenttype" ? "content-type" : `ce_${name}`] = value;
  return { headers, value: JSON.stringify(data) };
}

function bySdk(mode, { attributes, data }) {
  const cloudevents = require("cloudevents");
  const event = new cloudevents.CloudEvent({ ...attributes, data });
  const { headers, value } = cloudevents.Kafka[mode](event);
  const texts = Object.entries(headers).map(([name, each]) => [name, String(each)]);
  return {
    headers: Object.fromEntries(texts),
    value: typeof value === "string" ? value : JSON.stringify(value),
  };
}

async function send(kafka, topic, leftOpenMs, life) {
  const transacts = life.transaction !== null;
  const producer = kafka.producer({
    createPartitioner: PARTITIONERS[life.partitioner],
    ...(transacts && {
      transactionalId: randomUUID(),
      idempotent: true,
      maxInFlightRequests: 1,
      transactionTimeout: leftOpenMs,
    }),
  });
  await producer.connect();
  const transaction = transacts ? await producer.transaction() : null;
  for (const event of life.events) {
    const made = life.sdk === null ? byHand(event) : bySdk(life.sdk, event);
    await (transaction ?? producer).send({
      topic,
      acks: -1,
      compression: CODECS[life.codec],
      messages: [{ key: life.key, ...made }],
    });
  }
  if (life.transaction === "committed") await transaction.commit();
  if (life.transaction === "aborted") await transaction.abort();
  if (life.transaction !== "open") await producer.disconnect();
}

async function main([brokers, topic, leftOpenMs]) {
  const kafka = new Kafka({
    clientId: "somebody-elses-client",
    brokers: brokers.split(","),
    logLevel: logLevel.ERROR,
  });
  for (const life of JSON.parse(readFileSync(0, "utf8")))
    await send(kafka, topic, Number(leftOpenMs), life);
}

// What is open stays open.
main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
