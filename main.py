"""All deployable targets. `functions-framework --target=sessions_api` serves the whole API."""

from functions.api.endpoint import router, target

sessions_api = router("sessions_api")
console = target("console")

create_session = target("create_session")
get_session = target("get_session")
list_sessions = target("list_sessions")
update_session = target("update_session")
delete_session = target("delete_session")
append_event = target("append_event")
list_events = target("list_events")
watch_events = target("watch_events")
list_runs = target("list_runs")
get_run = target("get_run")

purge_expired_sessions = target("purge_expired_sessions")

create_reasoning_engine = target("create_reasoning_engine")
get_reasoning_engine = target("get_reasoning_engine")
list_reasoning_engines = target("list_reasoning_engines")
update_reasoning_engine = target("update_reasoning_engine")
delete_reasoning_engine = target("delete_reasoning_engine")

get_operation = target("get_operation")
list_operations = target("list_operations")
delete_operation = target("delete_operation")
cancel_operation = target("cancel_operation")
wait_operation = target("wait_operation")
