"""Made by `python -m infra.generate.firestore_types`: the messages of protobuf.py."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar, overload

from google.protobuf.descriptor_pb2 import FileDescriptorSet

_Item = TypeVar("_Item")

def descriptors() -> FileDescriptorSet: ...

class _Message:
    DESCRIPTOR: ClassVar[Any]
    @classmethod
    def FromString(cls, data: bytes, /) -> Self: ...
    def SerializeToString(self) -> bytes: ...
    def ByteSize(self) -> int: ...
    def CopyFrom(self, other: Self, /) -> None: ...
    def SetInParent(self) -> None: ...

class _Enum(int):
    @classmethod
    def Name(cls, number: int) -> str: ...
    @classmethod
    def Value(cls, name: str) -> Self: ...

class _Scalars(Sequence[_Item]):
    @overload
    def __getitem__(self, index: int) -> _Item: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[_Item]: ...
    def __len__(self) -> int: ...
    def append(self, item: _Item, /) -> None: ...
    def extend(self, items: Iterable[_Item], /) -> None: ...

class _Messages(_Scalars[_Item]):
    def add(self, **fields: object) -> _Item: ...

class _Map(Mapping[str, _Item]):
    def __getitem__(self, name: str) -> _Item: ...
    def __iter__(self) -> Iterator[str]: ...
    def __len__(self) -> int: ...


class AggregationResult(_Message):
    aggregate_fields: _Map[Value]
    def __init__(self, *, aggregate_fields: Mapping[str, Value] | None = ...) -> None: ...

class ArrayValue(_Message):
    values: _Messages[Value]
    def __init__(self, *, values: Iterable[Value] | None = ...) -> None: ...

class BatchGetDocumentsRequest(_Message):
    database: str
    documents: _Scalars[str]
    mask: DocumentMask
    transaction: bytes
    new_transaction: TransactionOptions
    read_time: Timestamp
    request_options: RequestOptions
    def __init__(self, *, database: str | None = ..., documents: Iterable[str] | None = ..., mask: DocumentMask | None = ..., transaction: bytes | None = ..., new_transaction: TransactionOptions | None = ..., read_time: Timestamp | None = ..., request_options: RequestOptions | None = ...) -> None: ...
    def HasField(self, name: Literal["mask", "transaction", "new_transaction", "read_time", "request_options"], /) -> bool: ...
    def WhichOneof(self, name: Literal["consistency_selector"], /) -> Literal["transaction", "new_transaction", "read_time"] | None: ...

class BatchGetDocumentsResponse(_Message):
    found: Document
    missing: str
    transaction: bytes
    read_time: Timestamp
    def __init__(self, *, found: Document | None = ..., missing: str | None = ..., transaction: bytes | None = ..., read_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["found", "missing", "read_time"], /) -> bool: ...
    def WhichOneof(self, name: Literal["result"], /) -> Literal["found", "missing"] | None: ...

class BitSequence(_Message):
    bitmap: bytes
    padding: int
    def __init__(self, *, bitmap: bytes | None = ..., padding: int | None = ...) -> None: ...

class BloomFilter(_Message):
    bits: BitSequence
    hash_count: int
    def __init__(self, *, bits: BitSequence | None = ..., hash_count: int | None = ...) -> None: ...
    def HasField(self, name: Literal["bits"], /) -> bool: ...

class CommitRequest(_Message):
    database: str
    writes: _Messages[Write]
    transaction: bytes
    request_options: RequestOptions
    def __init__(self, *, database: str | None = ..., writes: Iterable[Write] | None = ..., transaction: bytes | None = ..., request_options: RequestOptions | None = ...) -> None: ...
    def HasField(self, name: Literal["request_options"], /) -> bool: ...

class CommitResponse(_Message):
    write_results: _Messages[WriteResult]
    commit_time: Timestamp
    def __init__(self, *, write_results: Iterable[WriteResult] | None = ..., commit_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["commit_time"], /) -> bool: ...

class Cursor(_Message):
    values: _Messages[Value]
    before: bool
    def __init__(self, *, values: Iterable[Value] | None = ..., before: bool | None = ...) -> None: ...

class Document(_Message):
    name: str
    fields: _Map[Value]
    create_time: Timestamp
    update_time: Timestamp
    def __init__(self, *, name: str | None = ..., fields: Mapping[str, Value] | None = ..., create_time: Timestamp | None = ..., update_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["create_time", "update_time"], /) -> bool: ...

class DocumentChange(_Message):
    document: Document
    target_ids: _Scalars[int]
    removed_target_ids: _Scalars[int]
    def __init__(self, *, document: Document | None = ..., target_ids: Iterable[int] | None = ..., removed_target_ids: Iterable[int] | None = ...) -> None: ...
    def HasField(self, name: Literal["document"], /) -> bool: ...

class DocumentDelete(_Message):
    document: str
    removed_target_ids: _Scalars[int]
    read_time: Timestamp
    def __init__(self, *, document: str | None = ..., removed_target_ids: Iterable[int] | None = ..., read_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["read_time"], /) -> bool: ...

class DocumentMask(_Message):
    field_paths: _Scalars[str]
    def __init__(self, *, field_paths: Iterable[str] | None = ...) -> None: ...

class DocumentRemove(_Message):
    document: str
    removed_target_ids: _Scalars[int]
    read_time: Timestamp
    def __init__(self, *, document: str | None = ..., removed_target_ids: Iterable[int] | None = ..., read_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["read_time"], /) -> bool: ...

class DocumentTransform(_Message):
    class FieldTransform(_Message):
        class ServerValue(_Enum):
            SERVER_VALUE_UNSPECIFIED: ClassVar[DocumentTransform.FieldTransform.ServerValue]
            REQUEST_TIME: ClassVar[DocumentTransform.FieldTransform.ServerValue]
        field_path: str
        set_to_server_value: DocumentTransform.FieldTransform.ServerValue
        increment: Value
        maximum: Value
        minimum: Value
        append_missing_elements: ArrayValue
        remove_all_from_array: ArrayValue
        def __init__(self, *, field_path: str | None = ..., set_to_server_value: DocumentTransform.FieldTransform.ServerValue | None = ..., increment: Value | None = ..., maximum: Value | None = ..., minimum: Value | None = ..., append_missing_elements: ArrayValue | None = ..., remove_all_from_array: ArrayValue | None = ...) -> None: ...
        def HasField(self, name: Literal["set_to_server_value", "increment", "maximum", "minimum", "append_missing_elements", "remove_all_from_array"], /) -> bool: ...
        def WhichOneof(self, name: Literal["transform_type"], /) -> Literal["set_to_server_value", "increment", "maximum", "minimum", "append_missing_elements", "remove_all_from_array"] | None: ...
    document: str
    field_transforms: _Messages[DocumentTransform.FieldTransform]
    def __init__(self, *, document: str | None = ..., field_transforms: Iterable[DocumentTransform.FieldTransform] | None = ...) -> None: ...

class ExecutionStats(_Message):
    results_returned: int
    read_operations: int
    def __init__(self, *, results_returned: int | None = ..., read_operations: int | None = ...) -> None: ...

class ExistenceFilter(_Message):
    target_id: int
    count: int
    unchanged_names: BloomFilter
    def __init__(self, *, target_id: int | None = ..., count: int | None = ..., unchanged_names: BloomFilter | None = ...) -> None: ...
    def HasField(self, name: Literal["unchanged_names"], /) -> bool: ...

class ExplainMetrics(_Message):
    plan_summary: PlanSummary
    execution_stats: ExecutionStats
    def __init__(self, *, plan_summary: PlanSummary | None = ..., execution_stats: ExecutionStats | None = ...) -> None: ...
    def HasField(self, name: Literal["plan_summary", "execution_stats"], /) -> bool: ...

class ExplainOptions(_Message):
    analyze: bool
    def __init__(self, *, analyze: bool | None = ...) -> None: ...

class Function(_Message):
    name: str
    args: _Messages[Value]
    options: _Map[Value]
    def __init__(self, *, name: str | None = ..., args: Iterable[Value] | None = ..., options: Mapping[str, Value] | None = ...) -> None: ...

class Int32Value(_Message):
    value: int
    def __init__(self, *, value: int | None = ...) -> None: ...

class ListenRequest(_Message):
    database: str
    add_target: Target
    remove_target: int
    labels: _Map[str]
    request_options: RequestOptions
    def __init__(self, *, database: str | None = ..., add_target: Target | None = ..., remove_target: int | None = ..., labels: Mapping[str, str] | None = ..., request_options: RequestOptions | None = ...) -> None: ...
    def HasField(self, name: Literal["add_target", "remove_target", "request_options"], /) -> bool: ...
    def WhichOneof(self, name: Literal["target_change"], /) -> Literal["add_target", "remove_target"] | None: ...

class ListenResponse(_Message):
    target_change: TargetChange
    document_change: DocumentChange
    document_delete: DocumentDelete
    document_remove: DocumentRemove
    filter: ExistenceFilter
    def __init__(self, *, target_change: TargetChange | None = ..., document_change: DocumentChange | None = ..., document_delete: DocumentDelete | None = ..., document_remove: DocumentRemove | None = ..., filter: ExistenceFilter | None = ...) -> None: ...
    def HasField(self, name: Literal["target_change", "document_change", "document_delete", "document_remove", "filter"], /) -> bool: ...
    def WhichOneof(self, name: Literal["response_type"], /) -> Literal["target_change", "document_change", "document_delete", "document_remove", "filter"] | None: ...

class MapValue(_Message):
    fields: _Map[Value]
    def __init__(self, *, fields: Mapping[str, Value] | None = ...) -> None: ...

class Pipeline(_Message):
    class Stage(_Message):
        name: str
        args: _Messages[Value]
        options: _Map[Value]
        def __init__(self, *, name: str | None = ..., args: Iterable[Value] | None = ..., options: Mapping[str, Value] | None = ...) -> None: ...
    stages: _Messages[Pipeline.Stage]
    def __init__(self, *, stages: Iterable[Pipeline.Stage] | None = ...) -> None: ...

class PlanSummary(_Message):
    ...

class Precondition(_Message):
    exists: bool
    update_time: Timestamp
    def __init__(self, *, exists: bool | None = ..., update_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["exists", "update_time"], /) -> bool: ...
    def WhichOneof(self, name: Literal["condition_type"], /) -> Literal["exists", "update_time"] | None: ...

class RequestOptions(_Message):
    request_tags: _Scalars[str]
    def __init__(self, *, request_tags: Iterable[str] | None = ...) -> None: ...

class RunAggregationQueryRequest(_Message):
    parent: str
    structured_aggregation_query: StructuredAggregationQuery
    transaction: bytes
    new_transaction: TransactionOptions
    read_time: Timestamp
    explain_options: ExplainOptions
    request_options: RequestOptions
    def __init__(self, *, parent: str | None = ..., structured_aggregation_query: StructuredAggregationQuery | None = ..., transaction: bytes | None = ..., new_transaction: TransactionOptions | None = ..., read_time: Timestamp | None = ..., explain_options: ExplainOptions | None = ..., request_options: RequestOptions | None = ...) -> None: ...
    def HasField(self, name: Literal["structured_aggregation_query", "transaction", "new_transaction", "read_time", "explain_options", "request_options"], /) -> bool: ...
    def WhichOneof(self, name: Literal["query_type", "consistency_selector"], /) -> Literal["structured_aggregation_query", "transaction", "new_transaction", "read_time"] | None: ...

class RunAggregationQueryResponse(_Message):
    result: AggregationResult
    transaction: bytes
    read_time: Timestamp
    explain_metrics: ExplainMetrics
    def __init__(self, *, result: AggregationResult | None = ..., transaction: bytes | None = ..., read_time: Timestamp | None = ..., explain_metrics: ExplainMetrics | None = ...) -> None: ...
    def HasField(self, name: Literal["result", "read_time", "explain_metrics"], /) -> bool: ...

class RunQueryRequest(_Message):
    parent: str
    structured_query: StructuredQuery
    transaction: bytes
    new_transaction: TransactionOptions
    read_time: Timestamp
    explain_options: ExplainOptions
    request_options: RequestOptions
    def __init__(self, *, parent: str | None = ..., structured_query: StructuredQuery | None = ..., transaction: bytes | None = ..., new_transaction: TransactionOptions | None = ..., read_time: Timestamp | None = ..., explain_options: ExplainOptions | None = ..., request_options: RequestOptions | None = ...) -> None: ...
    def HasField(self, name: Literal["structured_query", "transaction", "new_transaction", "read_time", "explain_options", "request_options"], /) -> bool: ...
    def WhichOneof(self, name: Literal["query_type", "consistency_selector"], /) -> Literal["structured_query", "transaction", "new_transaction", "read_time"] | None: ...

class RunQueryResponse(_Message):
    transaction: bytes
    document: Document
    read_time: Timestamp
    skipped_results: int
    done: bool
    explain_metrics: ExplainMetrics
    def __init__(self, *, transaction: bytes | None = ..., document: Document | None = ..., read_time: Timestamp | None = ..., skipped_results: int | None = ..., done: bool | None = ..., explain_metrics: ExplainMetrics | None = ...) -> None: ...
    def HasField(self, name: Literal["document", "read_time", "done", "explain_metrics"], /) -> bool: ...
    def WhichOneof(self, name: Literal["continuation_selector"], /) -> Literal["done"] | None: ...

class StructuredAggregationQuery(_Message):
    class Aggregation(_Message):
        class Count(_Message):
            ...
        class Sum(_Message):
            field: StructuredQuery.FieldReference
            def __init__(self, *, field: StructuredQuery.FieldReference | None = ...) -> None: ...
            def HasField(self, name: Literal["field"], /) -> bool: ...
        class Avg(_Message):
            field: StructuredQuery.FieldReference
            def __init__(self, *, field: StructuredQuery.FieldReference | None = ...) -> None: ...
            def HasField(self, name: Literal["field"], /) -> bool: ...
        count: StructuredAggregationQuery.Aggregation.Count
        sum: StructuredAggregationQuery.Aggregation.Sum
        avg: StructuredAggregationQuery.Aggregation.Avg
        alias: str
        def __init__(self, *, count: StructuredAggregationQuery.Aggregation.Count | None = ..., sum: StructuredAggregationQuery.Aggregation.Sum | None = ..., avg: StructuredAggregationQuery.Aggregation.Avg | None = ..., alias: str | None = ...) -> None: ...
        def HasField(self, name: Literal["count", "sum", "avg"], /) -> bool: ...
        def WhichOneof(self, name: Literal["operator"], /) -> Literal["count", "sum", "avg"] | None: ...
    structured_query: StructuredQuery
    aggregations: _Messages[StructuredAggregationQuery.Aggregation]
    def __init__(self, *, structured_query: StructuredQuery | None = ..., aggregations: Iterable[StructuredAggregationQuery.Aggregation] | None = ...) -> None: ...
    def HasField(self, name: Literal["structured_query"], /) -> bool: ...
    def WhichOneof(self, name: Literal["query_type"], /) -> Literal["structured_query"] | None: ...

class StructuredQuery(_Message):
    class Direction(_Enum):
        DIRECTION_UNSPECIFIED: ClassVar[StructuredQuery.Direction]
        ASCENDING: ClassVar[StructuredQuery.Direction]
        DESCENDING: ClassVar[StructuredQuery.Direction]
    class CollectionSelector(_Message):
        collection_id: str
        all_descendants: bool
        def __init__(self, *, collection_id: str | None = ..., all_descendants: bool | None = ...) -> None: ...
    class Filter(_Message):
        composite_filter: StructuredQuery.CompositeFilter
        field_filter: StructuredQuery.FieldFilter
        unary_filter: StructuredQuery.UnaryFilter
        def __init__(self, *, composite_filter: StructuredQuery.CompositeFilter | None = ..., field_filter: StructuredQuery.FieldFilter | None = ..., unary_filter: StructuredQuery.UnaryFilter | None = ...) -> None: ...
        def HasField(self, name: Literal["composite_filter", "field_filter", "unary_filter"], /) -> bool: ...
        def WhichOneof(self, name: Literal["filter_type"], /) -> Literal["composite_filter", "field_filter", "unary_filter"] | None: ...
    class CompositeFilter(_Message):
        class Operator(_Enum):
            OPERATOR_UNSPECIFIED: ClassVar[StructuredQuery.CompositeFilter.Operator]
            AND: ClassVar[StructuredQuery.CompositeFilter.Operator]
            OR: ClassVar[StructuredQuery.CompositeFilter.Operator]
        op: StructuredQuery.CompositeFilter.Operator
        filters: _Messages[StructuredQuery.Filter]
        def __init__(self, *, op: StructuredQuery.CompositeFilter.Operator | None = ..., filters: Iterable[StructuredQuery.Filter] | None = ...) -> None: ...
    class FieldFilter(_Message):
        class Operator(_Enum):
            OPERATOR_UNSPECIFIED: ClassVar[StructuredQuery.FieldFilter.Operator]
            LESS_THAN: ClassVar[StructuredQuery.FieldFilter.Operator]
            LESS_THAN_OR_EQUAL: ClassVar[StructuredQuery.FieldFilter.Operator]
            GREATER_THAN: ClassVar[StructuredQuery.FieldFilter.Operator]
            GREATER_THAN_OR_EQUAL: ClassVar[StructuredQuery.FieldFilter.Operator]
            EQUAL: ClassVar[StructuredQuery.FieldFilter.Operator]
            NOT_EQUAL: ClassVar[StructuredQuery.FieldFilter.Operator]
            ARRAY_CONTAINS: ClassVar[StructuredQuery.FieldFilter.Operator]
            IN: ClassVar[StructuredQuery.FieldFilter.Operator]
            ARRAY_CONTAINS_ANY: ClassVar[StructuredQuery.FieldFilter.Operator]
            NOT_IN: ClassVar[StructuredQuery.FieldFilter.Operator]
        field: StructuredQuery.FieldReference
        op: StructuredQuery.FieldFilter.Operator
        value: Value
        def __init__(self, *, field: StructuredQuery.FieldReference | None = ..., op: StructuredQuery.FieldFilter.Operator | None = ..., value: Value | None = ...) -> None: ...
        def HasField(self, name: Literal["field", "value"], /) -> bool: ...
    class UnaryFilter(_Message):
        class Operator(_Enum):
            OPERATOR_UNSPECIFIED: ClassVar[StructuredQuery.UnaryFilter.Operator]
            IS_NAN: ClassVar[StructuredQuery.UnaryFilter.Operator]
            IS_NULL: ClassVar[StructuredQuery.UnaryFilter.Operator]
            IS_NOT_NAN: ClassVar[StructuredQuery.UnaryFilter.Operator]
            IS_NOT_NULL: ClassVar[StructuredQuery.UnaryFilter.Operator]
        op: StructuredQuery.UnaryFilter.Operator
        field: StructuredQuery.FieldReference
        def __init__(self, *, op: StructuredQuery.UnaryFilter.Operator | None = ..., field: StructuredQuery.FieldReference | None = ...) -> None: ...
        def HasField(self, name: Literal["field"], /) -> bool: ...
        def WhichOneof(self, name: Literal["operand_type"], /) -> Literal["field"] | None: ...
    class Order(_Message):
        field: StructuredQuery.FieldReference
        direction: StructuredQuery.Direction
        def __init__(self, *, field: StructuredQuery.FieldReference | None = ..., direction: StructuredQuery.Direction | None = ...) -> None: ...
        def HasField(self, name: Literal["field"], /) -> bool: ...
    class FieldReference(_Message):
        field_path: str
        def __init__(self, *, field_path: str | None = ...) -> None: ...
    class Projection(_Message):
        fields: _Messages[StructuredQuery.FieldReference]
        def __init__(self, *, fields: Iterable[StructuredQuery.FieldReference] | None = ...) -> None: ...
    class FindNearest(_Message):
        class DistanceMeasure(_Enum):
            DISTANCE_MEASURE_UNSPECIFIED: ClassVar[StructuredQuery.FindNearest.DistanceMeasure]
            EUCLIDEAN: ClassVar[StructuredQuery.FindNearest.DistanceMeasure]
            COSINE: ClassVar[StructuredQuery.FindNearest.DistanceMeasure]
            DOT_PRODUCT: ClassVar[StructuredQuery.FindNearest.DistanceMeasure]
        vector_field: StructuredQuery.FieldReference
        query_vector: Value
        distance_measure: StructuredQuery.FindNearest.DistanceMeasure
        limit: Int32Value
        distance_result_field: str
        def __init__(self, *, vector_field: StructuredQuery.FieldReference | None = ..., query_vector: Value | None = ..., distance_measure: StructuredQuery.FindNearest.DistanceMeasure | None = ..., limit: Int32Value | None = ..., distance_result_field: str | None = ...) -> None: ...
        def HasField(self, name: Literal["vector_field", "query_vector", "limit"], /) -> bool: ...
    select: StructuredQuery.Projection
    from_: _Messages[StructuredQuery.CollectionSelector]
    where: StructuredQuery.Filter
    order_by: _Messages[StructuredQuery.Order]
    start_at: Cursor
    end_at: Cursor
    offset: int
    limit: Int32Value
    find_nearest: StructuredQuery.FindNearest
    def __init__(self, *, select: StructuredQuery.Projection | None = ..., from_: Iterable[StructuredQuery.CollectionSelector] | None = ..., where: StructuredQuery.Filter | None = ..., order_by: Iterable[StructuredQuery.Order] | None = ..., start_at: Cursor | None = ..., end_at: Cursor | None = ..., offset: int | None = ..., limit: Int32Value | None = ..., find_nearest: StructuredQuery.FindNearest | None = ...) -> None: ...
    def HasField(self, name: Literal["select", "where", "start_at", "end_at", "limit", "find_nearest"], /) -> bool: ...

class Target(_Message):
    class DocumentsTarget(_Message):
        documents: _Scalars[str]
        def __init__(self, *, documents: Iterable[str] | None = ...) -> None: ...
    class QueryTarget(_Message):
        parent: str
        structured_query: StructuredQuery
        def __init__(self, *, parent: str | None = ..., structured_query: StructuredQuery | None = ...) -> None: ...
        def HasField(self, name: Literal["structured_query"], /) -> bool: ...
        def WhichOneof(self, name: Literal["query_type"], /) -> Literal["structured_query"] | None: ...
    query: Target.QueryTarget
    documents: Target.DocumentsTarget
    resume_token: bytes
    read_time: Timestamp
    target_id: int
    once: bool
    expected_count: Int32Value
    def __init__(self, *, query: Target.QueryTarget | None = ..., documents: Target.DocumentsTarget | None = ..., resume_token: bytes | None = ..., read_time: Timestamp | None = ..., target_id: int | None = ..., once: bool | None = ..., expected_count: Int32Value | None = ...) -> None: ...
    def HasField(self, name: Literal["query", "documents", "resume_token", "read_time", "expected_count"], /) -> bool: ...
    def WhichOneof(self, name: Literal["target_type", "resume_type"], /) -> Literal["query", "documents", "resume_token", "read_time"] | None: ...

class TargetChange(_Message):
    class TargetChangeType(_Enum):
        NO_CHANGE: ClassVar[TargetChange.TargetChangeType]
        ADD: ClassVar[TargetChange.TargetChangeType]
        REMOVE: ClassVar[TargetChange.TargetChangeType]
        CURRENT: ClassVar[TargetChange.TargetChangeType]
        RESET: ClassVar[TargetChange.TargetChangeType]
    target_change_type: TargetChange.TargetChangeType
    target_ids: _Scalars[int]
    resume_token: bytes
    read_time: Timestamp
    def __init__(self, *, target_change_type: TargetChange.TargetChangeType | None = ..., target_ids: Iterable[int] | None = ..., resume_token: bytes | None = ..., read_time: Timestamp | None = ...) -> None: ...
    def HasField(self, name: Literal["read_time"], /) -> bool: ...

class Timestamp(_Message):
    seconds: int
    nanos: int
    def __init__(self, *, seconds: int | None = ..., nanos: int | None = ...) -> None: ...

class TransactionOptions(_Message):
    class ConcurrencyMode(_Enum):
        CONCURRENCY_MODE_UNSPECIFIED: ClassVar[TransactionOptions.ConcurrencyMode]
        OPTIMISTIC: ClassVar[TransactionOptions.ConcurrencyMode]
        PESSIMISTIC: ClassVar[TransactionOptions.ConcurrencyMode]
    class ReadWrite(_Message):
        retry_transaction: bytes
        concurrency_mode: TransactionOptions.ConcurrencyMode
        def __init__(self, *, retry_transaction: bytes | None = ..., concurrency_mode: TransactionOptions.ConcurrencyMode | None = ...) -> None: ...
    class ReadOnly(_Message):
        read_time: Timestamp
        def __init__(self, *, read_time: Timestamp | None = ...) -> None: ...
        def HasField(self, name: Literal["read_time"], /) -> bool: ...
        def WhichOneof(self, name: Literal["consistency_selector"], /) -> Literal["read_time"] | None: ...
    read_only: TransactionOptions.ReadOnly
    read_write: TransactionOptions.ReadWrite
    def __init__(self, *, read_only: TransactionOptions.ReadOnly | None = ..., read_write: TransactionOptions.ReadWrite | None = ...) -> None: ...
    def HasField(self, name: Literal["read_only", "read_write"], /) -> bool: ...
    def WhichOneof(self, name: Literal["mode"], /) -> Literal["read_only", "read_write"] | None: ...

class Value(_Message):
    boolean_value: bool
    integer_value: int
    double_value: float
    timestamp_value: Timestamp
    string_value: str
    bytes_value: bytes
    reference_value: str
    array_value: ArrayValue
    map_value: MapValue
    field_reference_value: str
    variable_reference_value: str
    function_value: Function
    pipeline_value: Pipeline
    def __init__(self, *, boolean_value: bool | None = ..., integer_value: int | None = ..., double_value: float | None = ..., timestamp_value: Timestamp | None = ..., string_value: str | None = ..., bytes_value: bytes | None = ..., reference_value: str | None = ..., array_value: ArrayValue | None = ..., map_value: MapValue | None = ..., field_reference_value: str | None = ..., variable_reference_value: str | None = ..., function_value: Function | None = ..., pipeline_value: Pipeline | None = ...) -> None: ...
    def HasField(self, name: Literal["boolean_value", "integer_value", "double_value", "timestamp_value", "string_value", "bytes_value", "reference_value", "array_value", "map_value", "field_reference_value", "variable_reference_value", "function_value", "pipeline_value"], /) -> bool: ...
    def WhichOneof(self, name: Literal["value_type"], /) -> Literal["boolean_value", "integer_value", "double_value", "timestamp_value", "string_value", "bytes_value", "reference_value", "array_value", "map_value", "field_reference_value", "variable_reference_value", "function_value", "pipeline_value"] | None: ...

class Write(_Message):
    update: Document
    delete: str
    transform: DocumentTransform
    update_mask: DocumentMask
    update_transforms: _Messages[DocumentTransform.FieldTransform]
    current_document: Precondition
    def __init__(self, *, update: Document | None = ..., delete: str | None = ..., transform: DocumentTransform | None = ..., update_mask: DocumentMask | None = ..., update_transforms: Iterable[DocumentTransform.FieldTransform] | None = ..., current_document: Precondition | None = ...) -> None: ...
    def HasField(self, name: Literal["update", "delete", "transform", "update_mask", "current_document"], /) -> bool: ...
    def WhichOneof(self, name: Literal["operation"], /) -> Literal["update", "delete", "transform"] | None: ...

class WriteResult(_Message):
    update_time: Timestamp
    transform_results: _Messages[Value]
    def __init__(self, *, update_time: Timestamp | None = ..., transform_results: Iterable[Value] | None = ...) -> None: ...
    def HasField(self, name: Literal["update_time"], /) -> bool: ...
