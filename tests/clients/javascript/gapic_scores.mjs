// Reads scores that are no numbers by GAPIC: URL and session in, how they print out.
import { connect } from "../snippets/gapic.mjs";

const [url, session] = process.argv.slice(2);
const [[{ eventMetadata }]] = await connect(url).listEvents({ parent: session });
const [{ confidenceScores }] = eventMetadata.groundingMetadata.groundingSupports;
console.log(JSON.stringify(confidenceScores.map(String)));
