// Appends so many events by ADK, the first one twice: URL, engine, count and id in, texts out.
import { createEvent } from "@google/adk";
import { connect } from "../snippets/adk.mjs";

const [url, engine, count, sessionId] = process.argv.slice(2);
const service = connect(url, engine);
const session = await service.createSession({ appName: engine, userId: "ada", sessionId });
const events = Array.from({ length: Number(count) }, (_, number) =>
  createEvent({
    author: "user",
    invocationId: "turn-1",
    timestamp: 1_767_225_600_000 + number,
    content: { role: "user", parts: [{ text: String(number) }] },
  }),
);
for (const event of [events[0], ...events]) await service.appendEvent({ session, event });
const read = await service.getSession({ appName: engine, userId: "ada", sessionId });
console.log(JSON.stringify(read.events.map(({ content }) => content.parts[0].text)));
