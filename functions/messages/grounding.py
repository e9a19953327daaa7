"""GroundingMetadata and the messages in it; see the discovery document's schemas."""

from functions.messages.message import Message
from functions.messages.scalars import Bytes, Double, DoubleItem, Duration, Int32, Int32Item


class SearchEntryPoint(Message):
    """The search suggestion that an application must show beside a grounded answer."""

    rendered_content: str | None = ""
    sdk_blob: Bytes = ""


class GroundingChunkWeb(Message):
    """A web page."""

    uri: str | None = None
    title: str | None = None
    domain: str | None = None


class RagChunkPageSpan(Message):
    """The first and the last page of a piece of a document, counted from one."""

    first_page: Int32 = 0
    last_page: Int32 = 0


class RagChunk(Message):
    """A piece of a RAG corpus."""

    text: str | None = ""
    page_span: RagChunkPageSpan | None = None
    file_id: str | None = ""
    chunk_id: str | None = ""


class GroundingChunkRetrievedContext(Message):
    """A document that a retrieval tool found."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None
    rag_chunk: RagChunk | None = None
    document_name: str | None = None


class GroundingChunkMapsPlaceAnswerSourcesReviewSnippet(Message):
    """A piece of a place's review."""

    review_id: str | None = ""
    google_maps_uri: str | None = ""
    title: str | None = ""


class GroundingChunkMapsPlaceAnswerSources(Message):
    """The reviews that an answer about a place is based on."""

    review_snippets: list[GroundingChunkMapsPlaceAnswerSourcesReviewSnippet] | None = []


class GroundingChunkMapsRoute(Message):
    """A route between places."""

    distance_meters: Int32 = 0
    duration: Duration = None
    encoded_polyline: str | None = ""


class GroundingChunkMaps(Message):
    """A place."""

    uri: str | None = None
    title: str | None = None
    text: str | None = None
    place_id: str | None = None
    place_answer_sources: GroundingChunkMapsPlaceAnswerSources | None = None
    route: GroundingChunkMapsRoute | None = None


class GroundingChunkImage(Message):
    """An image and the page that shows it."""

    source_uri: str | None = None
    image_uri: str | None = None
    title: str | None = None
    domain: str | None = None


class GroundingChunk(Message):
    """One source of a grounded answer."""

    oneofs = [("chunk_type", frozenset({"web", "retrieved_context", "maps", "image"}))]

    web: GroundingChunkWeb | None = None
    retrieved_context: GroundingChunkRetrievedContext | None = None
    maps: GroundingChunkMaps | None = None
    image: GroundingChunkImage | None = None


class Segment(Message):
    """A section of a part's text; the indices count bytes."""

    part_index: Int32 = 0
    start_index: Int32 = 0
    end_index: Int32 = 0
    text: str | None = ""


class GroundingSupport(Message):
    """A segment of the answer and the indices of the sources that support it."""

    segment: Segment | None = None
    grounding_chunk_indices: list[Int32Item] | None = []
    confidence_scores: list[DoubleItem] | None = []
    rendered_parts: list[Int32Item] | None = []


class RetrievalMetadata(Message):
    """The score by which the model decided to search."""

    google_search_dynamic_retrieval_score: Double = 0


class GroundingMetadataSourceFlaggingUri(Message):
    """The URI at which a reader may report a source."""

    source_id: str | None = ""
    flag_content_uri: str | None = ""


class GroundingMetadata(Message):
    """The sources of an answer."""

    web_search_queries: list[str] | None = []
    retrieval_queries: list[str] | None = []
    image_search_queries: list[str] | None = []
    search_entry_point: SearchEntryPoint | None = None
    grounding_chunks: list[GroundingChunk] | None = []
    grounding_supports: list[GroundingSupport] | None = []
    retrieval_metadata: RetrievalMetadata | None = None
    google_maps_widget_context_token: str | None = None
    source_flagging_uris: list[GroundingMetadataSourceFlaggingUri] | None = []
