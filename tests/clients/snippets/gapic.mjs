// Points a client of @google-cloud/aiplatform at a server of your own over REST.
import { v1beta1 } from "@google-cloud/aiplatform";
import { googleAuthLibrary } from "google-gax";

export function connect(baseUrl, Client = v1beta1.SessionServiceClient, token = "unused") {
  const { protocol, hostname, port } = new URL(baseUrl);
  const authClient = new googleAuthLibrary.OAuth2Client();
  authClient.setCredentials({ access_token: token });
  return new Client({
    fallback: true,
    protocol: protocol.slice(0, -1),
    apiEndpoint: hostname,
    port: port || 443,
    authClient,
  });
}
