"""A function that Eventarc calls for each event that somebody appends to a session."""

import functions_framework
from cloudevents.http import CloudEvent
from google.events.cloud.firestore import DocumentEventData


@functions_framework.cloud_event
def on_event(cloud_event: CloudEvent) -> None:
    document = DocumentEventData.deserialize(cloud_event.data).value
    name = document.name.partition("/documents/")[2]
    text = document.fields["text"].string_value
    is_whole = text.startswith('"')  # of an event above 16 KiB it may not be: get that by its name
    event = f'{{"name":"{name}",{text}' if is_whole else f'{{"name":"{name}"}}'
    print(event, flush=True)  # the SessionEvent as list_events answers it
