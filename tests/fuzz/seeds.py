"""Inputs of each parser that are valid, or nearly so, to begin with and to change."""

SEEDS: dict[str, list[str]] = {
    "filter": [
        r'user_id="a\"b\\c" AND labels.k = v* OR NOT display_name:"x"',
        "userId=user1 -labels:k (create_time > 2025-01-31T11:30:00-04:00)",
        'timestamp>="2025-01-31T11:30:00Z" AND timestamp < "2026-01-01T00:00:00.000000001Z"',
        'author=(user OR "agent") AND event_type="TOOL_*" branch:* invocation_id!=i',
        'user_id="" AND display_name=""',
        "state=ACTIVE AND (start_time<=1970-01-01T00:00:00Z OR end_time:*)",
        r"labels.'odd \u00e9\ud83d\ude00 key'!=\* AND user_id:(a b)",
        'f(a, "b", g(c = d)).x = -5 OR a.AND.b<=c',
    ],
    "order": ["create_time", "update_time desc", "updateTime asc", " createTime   desc "],
    "field_mask": [
        "displayName,labels",
        "session_state.key,sessionState.`odd, ``key`",
        " * , ttl,expireTime ",
        "sessionState.a.b.c d,userId",
    ],
    "page_token": [
        "jrF3hUEeOoJbImMiLCIxIiwiYVwiIiwxLCJ2MSJd",
        "AAAAAAAAAABbXQ",
        "W1sxLCJhIl0sIngiXQ==",
        '[1,"a"]',
    ],
    "timestamp": [
        "2025-01-31T11:30:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999Z",
        "2024-02-29 23:59:59.5+05:30",
        "1970-01-01t00:00:00.000000001-23:59",
    ],
    "duration": ["3.5s", "-1s", "315576000000s", "0.000000001s", "86400s"],
    "names": [
        "projects/p/locations/us-central1/reasoningEngines/1/sessions/s",
        "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s:appendEvent",
        "/v1/reasoningEngines/1/sessions/s/events",
        "/v1beta1/reasoningEngines/-/sessions",
        "/ui/projects/p/locations/l/operations/o:wait",
        "/v1beta1/projects/p/locations/l/reasoningEngines/1/sessions/s/runs/~2F",
        "s-1_A",
    ],
    "run_names": ["i", "e-1_a", "~2F~C3~A9", "turn 1/2", "\U0001f600~", "~~7E"],
    "ids": ["Order 12345", "&#233;&amp;&#xD800;", "straße Ωmega 漢字", "-- ''", "a" * 70],
    "policy": [
        '[{"principal": "email:ops@example.com", "role": "admin"}]',
        '[{"principal": "claim:aud=my-app", "role": "user", "userIdClaim": "email",'
        ' "engines": ["projects/123/locations/l/reasoningEngines/1", "*"]}]',
        '[{"principal": "key:dashboard", "role": "viewer"}, {"principal": "*", "role": "agent"}]',
    ],
    "credentials": [
        "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzIiwiYXVkIjoieCJ9.SIGNATURE_REMOVED_BY_GOOGLE",
        "bearer  ya29.token",
        "Basic dTpw",
    ],
    "json": [
        '{"a": [1, 1.0, -0.5e-3, 1e300, 12345678901234567890, true, false, null, "x\\u00e9"],}',
        '{"": {"__x__": [[[], {}], "\\ud83d\\ude00"]}, "a": "\\"\\\\\\/\\b\\f\\n\\r\\t"}',
        '[[[[[[1]]]]],"[{,",]',
        " -1 ",
        "[1, NaN, -Infinity]",
    ],
    "messages": [
        '{"userId": "u", "sessionState": {"a": 1, "app:b": null}, "labels": {"k": "v"},'
        ' "ttl": "3.5s", "displayName": "d"}',
        '{"user_id": "u", "expireTime": {"seconds": "1795305601", "nanos": 5}}',
        '{"author": "user", "invocationId": "i", "timestamp": "2026-01-01T00:00:00.5Z",'
        ' "content": {"role": "user", "parts": [{"text": "t", "thought": true},'
        ' {"function_call": {"id": "1", "name": "f", "args": {"x": [1]}}},'
        ' {"functionResponse": {"id": "1", "name": "f", "response": {}}},'
        ' {"inlineData": {"mimeType": "a/b", "data": "__4A"}}]},'
        ' "actions": {"stateDelta": {"user:k": 1, "temp:k": 2}, "artifactDelta": {"a": "1"},'
        ' "skipSummarization": true}, "rawEvent": {"id": "r"}}',
        '{"author": "a", "invocationId": "i", "timestamp": {"seconds": 1}, "errorCode": "E",'
        ' "eventMetadata": {"partial": true, "longRunningToolIds": ["x"], "branch": "b",'
        ' "groundingMetadata": {"groundingSupports": [{"confidenceScores": [0.5, "1e1"]}]},'
        ' "inputTranscription": {"text": "t", "finished": true}}, "content": {"parts": ['
        '{"executableCode": {"language": "PYTHON", "code": "c"}},'
        ' {"codeExecutionResult": {"outcome": 1, "output": "o"}}]}}',
        '{"displayName": "e", "spec": {"x": 1}, "labels": {"a": "b"}, "etag": "t"}',
    ],
}
