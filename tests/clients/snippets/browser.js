// Shows every event of a session once and in order, what is still to come included, until the
// session is deleted. An EventSource sends no headers, so its token goes with the address.
function follow(session, token, show) {
  const source = new EventSource(
    `${session}/events:watch?access_token=${encodeURIComponent(token)}`,
  );
  source.onmessage = (message) => show(JSON.parse(message.data));
  source.addEventListener("deleted", () => source.close());
  return source;
}

async function append(session, token, event) {
  const response = await fetch(`${session}:appendEvent`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify(event),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error.message);
  return answer;
}
