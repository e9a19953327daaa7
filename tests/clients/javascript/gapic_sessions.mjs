// Every method of GAPIC's clients: URL or gRPC address, version and location in, what they answered
// out, as JSON.
import aiplatform from "@google-cloud/aiplatform";
import { connect as connectRest } from "../snippets/gapic.mjs";
import { connect as connectGrpc } from "../snippets/gapic_grpc.mjs";

const [url, version, location] = process.argv.slice(2);
const connect = url.startsWith("http") ? connectRest : connectGrpc;
const api = aiplatform[version];
const sessions = connect(url, api.SessionServiceClient);
const engines = connect(url, api.ReasoningEngineServiceClient);

const [making] = await engines.createReasoningEngine({
  parent: location,
  reasoningEngine: { displayName: "Clerk" },
});
const [{ name: parent }] = await making.promise();
const userState = { fields: { "user:unit": { stringValue: "metric" } } };
const [creating] = await sessions.createSession({
  parent,
  session: { userId: "ada", sessionState: userState },
});
const [{ name }] = await creating.promise();
await sessions.appendEvent({
  name,
  event: {
    author: "clerk",
    invocationId: "turn-1",
    timestamp: { seconds: 1_767_225_600, nanos: 5_000_000 },
    content: {
      role: "model",
      parts: [
        { inlineData: { mimeType: "image/png", data: Buffer.from([255, 254, 0]) } },
        { executableCode: { language: "PYTHON", code: "1" } },
      ],
    },
    actions: { stateDelta: { fields: { n: { numberValue: 1.5 } } } },
    eventMetadata: { groundingMetadata: { groundingSupports: [{ confidenceScores: [0.5] }] } },
  },
});
const updateMask = { paths: ["display_name"] };
const [updated] = await sessions.updateSession({
  session: { name, displayName: "A trip" },
  updateMask,
});
const [found] = await sessions.getSession({ name });
const [listed] = await sessions.listSessions({ parent, filter: 'user_id="ada"' });
const [events] = await sessions.listEvents({ parent: name });
const [deleting] = await sessions.deleteSession({ name });
await deleting.promise();
const error = await sessions.getSession({ name }).catch((error) => error);
const [removing] = await engines.deleteReasoningEngine({ name: parent, force: true });
await removing.promise();
const [{ content, timestamp, eventMetadata }] = events;
console.log(
  JSON.stringify({
    displayNames: [updated.displayName, found.displayName],
    state: Object.keys(found.sessionState.fields).sort(),
    listed: listed.map((session) => session.name === name),
    timestamp: [Number(timestamp.seconds), timestamp.nanos],
    bytes: [...content.parts[0].inlineData.data],
    language: content.parts[1].executableCode.language,
    scores: eventMetadata.groundingMetadata.groundingSupports[0].confidenceScores,
    // gRPC puts the code before the message.
    error: [error.code, error.message.replace("5 NOT_FOUND: ", "").replace(name, "NAME")],
  }),
);
