// Points the session service of ADK for JavaScript at a server of your own.
import { Client } from "@google-cloud/vertexai/build/src/genai/client.js";
import { VertexAiSessionService } from "@google/adk";

export function connect(baseUrl, agentEngineId, token = "unused") {
  const client = new Client({
    project: "local",
    location: "us-central1",
    apiEndpoint: baseUrl,
  });
  // The client has no option for credentials and would look for Google's.
  client.apiClient.clientOptions.auth = {
    addAuthHeaders: async (headers) => headers.set("Authorization", `Bearer ${token}`),
  };
  const { sessions } = client.agentEnginesInternal;
  return new VertexAiSessionService({ agentEngineId, sessions });
}
