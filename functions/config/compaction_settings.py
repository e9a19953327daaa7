"""The settings of compact_session; see docs/compaction.md."""

from dataclasses import dataclass

from functions.config.setting import URL, matching, setting, whole


@dataclass(init=False, repr=False, eq=False)
class CompactionSettings:
    """What a compaction keeps, and the service that summarizes."""

    compact_keep_invocations: int = setting(
        5,
        "The number of last invocations of a session that a compaction leaves as they are.",
        whole(0),
    )
    compact_tool_response_bytes: int = setting(
        5_120,
        "The largest JSON of a tool's response, in bytes, that a compaction leaves as it is.",
        whole(0),
    )
    summarizer_url: str = setting(
        "",
        "The URL of the [service](compaction.md) that summarizes events. In the cloud, the server "
        "calls it with an identity token for its `https://host`. Unset: the server answers 400 to "
        "a compaction with `summarization`.",
        matching(rf"({URL})?"),
    )
    summarizer_target_bytes: int = setting(
        65_536,
        "The largest JSON of the events before the last invocations, in bytes, for which no "
        "summary is asked. Events that have a summary do not count.",
        whole(0),
    )
