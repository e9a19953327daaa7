#!/usr/bin/env bash
# Holds a conversation with a tool call, and follows it live from its first event to its end:
#
#     docs/conversation.sh [BASE_URL]
#
# If TOKEN is set, the script sends it as the bearer token. If KEEP is set, the session stays at the
# end. PAUSE is the time between two events, in seconds. Needs curl and Python.
set -euo pipefail

BASE=${1:-http://127.0.0.1:8080}
API=$BASE/v1beta1

request() {
  curl --silent --show-error --fail-with-body ${TOKEN:+--header "Authorization: Bearer $TOKEN"} "$@"
}

call() { # prints the answer, or the error on standard error
  local answer
  answer=$(request "$@") || { echo "$answer" >&2 && return 1; }
  echo "$answer"
}

pretty() { python3 -m json.tool; }

event() { # arguments: author, turn, part, more fields of the event
  local role=model
  if [ "$1" = ada ]; then role=user; fi
  echo "{\"author\": \"$1\", \"invocationId\": \"$2\", \"timestamp\": \"$(date -u +%FT%TZ)\",
    \"content\": {\"role\": \"$role\", \"parts\": [$3]}${4:+, $4}}"
}

append() {
  sleep "${PAUSE:-0}"
  call "$API/$SESSION:appendEvent" --data "$(event "$@")" >/dev/null
}

hear() { # prints the next event of the stream
  local line
  while read -r line <&3; do
    case $line in
      "event: deleted") echo "live: the session is gone" && return ;;
      "data: {"*) echo "live: ${line#data: }" && return ;;
    esac
  done
  echo "the stream ended without an event" >&2 && return 1
}

echo "# Ada asks. The server creates the session under an id that it chooses."
FIRST=$(call "$API/reasoningEngines/1/sessions/-:appendEvent?allowMissing=true&userId=ada" \
  --data "$(event ada turn-1 '{"text": "Will it rain in Oslo?"}')")
SESSION=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["session"]["name"])' <<<"$FIRST")
echo "$SESSION"

echo "# A watcher follows the session from its first event on."
exec 3< <(request --no-buffer "$API/$SESSION/events:watch")
hear

echo "# The agent calls a tool, gets its response, and answers."
append agent turn-1 '{"functionCall":
  {"id": "call-1", "name": "get_forecast", "args": {"city": "Oslo"}}}'
hear
append agent turn-1 '{"functionResponse":
  {"id": "call-1", "name": "get_forecast", "response": {"sky": "rain", "celsius": 4}}}'
hear
append agent turn-1 '{"text": "Yes, at 4 degrees."}' '"actions": {"stateDelta": {"city": "Oslo"}}'
hear

echo "# A second turn."
append ada turn-2 '{"text": "Thank you!"}'
hear
append agent turn-2 '{"text": "Take an umbrella."}'
hear

echo "# The session now has its state,"
call "$API/$SESSION" | pretty
echo "# one run for each turn,"
call "$API/$SESSION/runs" | pretty
echo "# and the events that call tools."
call --get "$API/$SESSION/events" --data-urlencode 'filter=event_type="TOOL_INPUT"' | pretty

if [ -n "${KEEP:-}" ]; then exit; fi
echo "# The session is deleted, and the stream says so."
call --request DELETE "$API/$SESSION" >/dev/null
hear
