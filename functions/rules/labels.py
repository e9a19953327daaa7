"""Labels: at most 64, keys and values of lowercase letters of any script, digits, `_` and `-`."""

from collections.abc import Mapping, Sequence

from functions.aip.errors import InvalidArgument
from functions.aip.field_mask import FieldPath
from functions.rules.limits import MAX_LABEL_LENGTH, MAX_LABELS


def sorted_labels(labels: Mapping[str, str] | None, root: str = "session") -> dict[str, str]:
    """Returns the labels sorted by key; `root` is the body's field name.

    Raises InvalidArgument naming an invalid label.
    """
    labels = labels or {}
    if len(labels) > MAX_LABELS:
        raise InvalidArgument(
            f"{root}.labels is limited to {MAX_LABELS} labels; {len(labels)} were sent."
        )
    for key, value in labels.items():
        if not key or not _is_label(key) or not _is_label(value):
            raise InvalidArgument(
                f"{root}.labels has an invalid label {key!r}: {value!r}. Keys and values are up "
                f"to {MAX_LABEL_LENGTH} lowercase letters, digits, underscores and dashes."
            )
    return dict(sorted(labels.items()))


def masked_labels(
    old: Mapping[str, str], sent: Mapping[str, str] | None, mask: Sequence[FieldPath]
) -> Mapping[str, str]:
    """Returns the labels after an update: `labels` in the mask replaces all, `labels.key` one.

    A label that the mask names and the body does not send is removed.
    """
    keys = {path.key for path in mask if path.field == "labels"}
    sent = sent or {}
    if None in keys:
        return sent
    kept = {key: label for key, label in old.items() if key not in keys}
    return {**kept, **{key: label for key, label in sent.items() if key in keys}}


def _is_label(text: str) -> bool:
    return len(text) <= MAX_LABEL_LENGTH and all(
        character in "_-" or character.isnumeric() or (character.isalpha() and _is_lower(character))
        for character in text
    )


def _is_lower(letter: str) -> bool:
    """Letters of scripts without case count as lowercase."""
    return letter == letter.lower()
