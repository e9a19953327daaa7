#!/usr/bin/env bash
# A conversation with a tool in it, from its first event to its end, watched as it goes:
#
#     docs/conversation.sh [BASE_URL]
#
# TOKEN in the environment, if any, is sent as the bearer token. Needs curl and Python.
set -euo pipefail

BASE=${1:-http://127.0.0.1:8080}
API=$BASE/v1beta1

request() {
  curl --silent --show-error --fail-with-body ${TOKEN:+--header "Authorization: Bearer $TOKEN"} "$@"
}

call() { # prints the answer, or what is wrong
  local answer
  answer=$(request "$@") || { echo "$answer" >&2 && return 1; }
  echo "$answer"
}

pretty() { python3 -m json.tool; }

event() { # author, turn, part, what else the event has
  local role=model
  if [ "$1" = ada ]; then role=user; fi
  echo "{\"author\": \"$1\", \"invocationId\": \"$2\", \"timestamp\": \"$(date -u +%FT%TZ)\",
    \"content\": {\"role\": \"$role\", \"parts\": [$3]}${4:+, $4}}"
}

append() { call "$API/$SESSION:appendEvent" --data "$(event "$@")" >/dev/null; }

hear() { # prints what the watcher is told next
  local line
  while read -r line <&3; do
    case $line in
      "event: deleted") echo "live: the session is gone" && return ;;
      "data: {"*) echo "live: ${line#data: }" && return ;;
    esac
  done
  echo "the watcher was told nothing" >&2 && return 1
}

echo "# Ada asks; the session makes itself, under an id that the server chooses."
FIRST=$(call "$API/reasoningEngines/1/sessions/-:appendEvent?allowMissing=true&userId=ada" \
  --data "$(event ada turn-1 '{"text": "Will it rain in Oslo?"}')")
SESSION=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["session"]["name"])' <<<"$FIRST")
echo "$SESSION"

echo "# From here on somebody watches, from the first event on."
exec 3< <(request --no-buffer "$API/$SESSION/events:watch")
hear

echo "# The agent calls a tool, hears from it, and answers."
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

echo "# What is left: the state,"
call "$API/$SESSION" | pretty
echo "# one run for each turn,"
call "$API/$SESSION/runs" | pretty
echo "# and the calls of tools among the events."
call --get "$API/$SESSION/events" --data-urlencode 'filter=event_type="TOOL_INPUT"' | pretty

echo "# The session ends; the watcher learns it."
call --request DELETE "$API/$SESSION" >/dev/null
hear
