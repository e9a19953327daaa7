// Points a client of @google-cloud/aiplatform at a server's gRPC port, such as 127.0.0.1:9090.
import { v1beta1 } from "@google-cloud/aiplatform";
import { grpc } from "google-gax";

export function connect(address, Client = v1beta1.SessionServiceClient) {
  const [apiEndpoint, port] = address.split(":");
  return new Client({ apiEndpoint, port, sslCreds: grpc.credentials.createInsecure() });
}
