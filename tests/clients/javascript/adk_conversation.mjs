// A conversation by ADK's runner: URL and engine in, what the service then has out, as JSON.
import { BaseLlm, LlmAgent, LongRunningFunctionTool, Runner } from "@google/adk";
import { connect } from "../snippets/adk.mjs";

const [url, engine] = process.argv.slice(2);
const service = connect(url, engine);

// Asks for an approval, and tells what it heard since.
class Script extends BaseLlm {
  async *generateContentAsync({ contents }) {
    const { role, parts } = contents.at(-1);
    const part = parts.some((part) => part.functionResponse)
      ? { text: "Asked." }
      : { functionCall: { name: "ask_approval", args: { for: parts[0].text } } };
    yield { content: { role: "model", parts: [part] } };
  }
}

const agent = new LlmAgent({
  name: "clerk",
  model: new Script({ model: "script" }),
  tools: [
    new LongRunningFunctionTool({
      name: "ask_approval",
      description: "Asks somebody.",
      execute: (_, context) => {
        context.state.set("asked", true);
        return { status: "pending" };
      },
    }),
  ],
});
const runner = new Runner({ appName: engine, agent, sessionService: service });
const created = await service.createSession({
  appName: engine,
  userId: "ada",
  state: { opened: 1, "temp:gone": 1 },
});
const key = { appName: engine, userId: "ada", sessionId: created.id };
for (const text of ["a trip", "a car"]) {
  const newMessage = { role: "user", parts: [{ text }] };
  for await (const event of runner.runAsync({ ...key, newMessage })) void event;
}
const read = await service.getSession(key);
const listed = await service.listSessions({ appName: engine, userId: "ada" });
const path = `projects/local/locations/us-central1/reasoningEngines/${engine}/sessions/${created.id}`;
const { runs } = await (await fetch(`${url}/v1beta1/${path}/runs`)).json();
await service.deleteSession(key);
console.log(
  JSON.stringify({
    created: created.state,
    state: read.state,
    events: read.events.map(({ author, content, longRunningToolIds }) => ({
      author,
      kinds: content.parts.flatMap(Object.keys),
      text: content.parts[0].text,
      isLongRunning: longRunningToolIds?.length > 0,
    })),
    runs: runs.map(({ state, toolCalls }) => [state, toolCalls[0].response]),
    listed: listed.sessions.map(({ id }) => id === created.id),
    gone: (await service.getSession(key)) === undefined,
  }),
);
