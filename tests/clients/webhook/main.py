"""A function that Eventarc calls for each event that somebody appends to a session."""

import functions_framework
from cloudevents.http import CloudEvent
from google.events.cloud.firestore import DocumentEventData


@functions_framework.cloud_event
def on_event(cloud_event: CloudEvent) -> None:
    document = DocumentEventData.deserialize(cloud_event.data).value
    name = document.name.partition("/documents/")[2]
    text = document.fields["text"].string_value if "text" in document.fields else ""
    # An event above 16 KiB may have only some of its text here: get that one by its name.
    event = f'{{"name":"{name}",{text}' if text.startswith('"') else f'{{"name":"{name}"}}'
    print(event, flush=True)  # the SessionEvent as list_events answers it
