// Draws one event of a conversation: what was said, called, answered and changed.

import { button, count, download, duration, h, icon, iconButton, text, time } from "./elements.js";
import { linkTo } from "./api.js";
import { preview, tree, trees } from "./json.js";
import { partsOf } from "./conversation.js";

const LONG = 3000;
const IMAGES = /^image\/(png|jpeg|gif|webp|avif|bmp|svg\+xml)$/;
const SOUNDS = /^(audio|video)\//;

// `context` is what a row needs to know beside itself: `{opened, changes, openMenu, show}`.
export function eventRow(row, context) {
  const { entry } = row;
  const { event } = entry;
  const isUser =
    event.author === "user" ||
    (event.content?.role === "user" && !partsOf(event).some((part) => part.functionResponse));
  const author = event.author || "nobody";
  const shown = [...said(row, context), ...effects(row, context)];
  return h(
    "article",
    {
      class: `event ${isUser ? "user" : "agent"}${row.isNew ? " unread" : ""}`,
      tabindex: 0,
      "aria-label": `${author}, ${preview(partsOf(event)[0]?.text ?? "", 60)}`,
      "data-event": entry.id,
    },
    h(
      "header",
      {},
      h(
        "span",
        { class: "avatar", "aria-hidden": "true", style: undefined, "data-hue": hue(author) },
        [...author][0]?.toUpperCase() ?? "?",
      ),
      h("strong", {}, text(author)),
      marks(event).map((mark) => h("span", { class: "mark" }, mark)),
      h("span", { class: "fill" }),
      h("a", { class: "at", href: linkTo(event.name) }, time(event.timestamp)),
      iconButton(
        "more",
        `Actions on the event of ${author}`,
        (press) => context.openMenu(press.currentTarget, entry),
        { "aria-haspopup": "menu" },
      ),
    ),
    h(
      "div",
      { class: "body" },
      shown.length ? shown : h("p", { class: "muted" }, "An event without content."),
    ),
  );
}

// One of eight hues for a name, always the same one.
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 1009;
  return sum % 8;
}

function marks(event) {
  const { partial, interrupted, branch, usageMetadata } = event.eventMetadata ?? {};
  const usage = event.rawEvent?.usageMetadata ?? event.rawEvent?.usage_metadata ?? usageMetadata;
  const tokens = usage?.totalTokenCount ?? usage?.total_token_count;
  return [
    partial && "partial",
    interrupted && "interrupted",
    branch && text(branch),
    tokens !== undefined && `${typeof tokens === "number" ? count(tokens) : tokens} tokens`,
  ].filter(Boolean);
}

function said(row, context) {
  const { event } = row.entry;
  const { inputTranscription, outputTranscription, groundingMetadata } = event.eventMetadata ?? {};
  const shown = partsOf(event).map((part, place) => drawPart(part, place, row, context));
  for (const transcription of [inputTranscription, outputTranscription]) {
    if (transcription?.text)
      shown.push(h("p", { class: "label" }, "Spoken"), words(transcription.text));
  }
  if (event.errorCode || event.errorMessage) {
    shown.push(
      h(
        "div",
        { class: "error-box" },
        h("strong", {}, text(event.errorCode || "Error")),
        h("p", {}, text(event.errorMessage ?? "")),
      ),
    );
  }
  const sources = (groundingMetadata?.groundingChunks ?? [])
    .map(({ web, retrievedContext }) => web ?? retrievedContext)
    .filter(Boolean);
  if (sources.length) {
    shown.push(
      h("p", { class: "label" }, "Sources"),
      h(
        "ul",
        { class: "sources" },
        sources.map(({ uri, title }) => h("li", {}, link(uri, title || uri))),
      ),
    );
  }
  return shown.filter(Boolean);
}

function drawPart(part, place, row, context) {
  if (part.functionCall) return toolCall(part.functionCall, place, row, context);
  if (part.functionResponse) {
    const { name, response = {}, parts: media = [] } = part.functionResponse;
    return fold(
      row,
      place,
      context,
      "tool",
      [
        h("code", {}, text(name)),
        h("span", { class: "arrow" }, " answers "),
        h("span", { class: "glance" }, text(preview(response))),
      ],
      () => [h("div", { class: "tree" }, trees(response)), media.map(drawMedia)],
    );
  }
  if (part.executableCode)
    return [
      h("p", { class: "label" }, "Code"),
      h(
        "pre",
        { class: "code", tabindex: 0 },
        text(part.executableCode.code ?? "", { dir: "ltr" }),
      ),
    ];
  if (part.codeExecutionResult) {
    const { outcome = "", output = "" } = part.codeExecutionResult;
    return [
      h(
        "p",
        { class: "label" },
        `Output, ${outcome.replace("OUTCOME_", "").toLowerCase() || "no outcome"}`,
      ),
      h("pre", { class: "code", tabindex: 0 }, text(output, { dir: "ltr" })),
    ];
  }
  if (part.inlineData || part.fileData) return drawMedia(part);
  if (part.audioTranscription?.text)
    return [h("p", { class: "label" }, "Spoken"), words(part.audioTranscription.text)];
  if (part.thought) {
    return fold(
      row,
      place,
      context,
      "thought",
      ["Thought ", h("span", { class: "glance" }, text((part.text ?? "").slice(0, 120)))],
      () => words(part.text ?? ""),
    );
  }
  if (part.text) return words(part.text);
  return Object.keys(part).length ? h("div", { class: "tree" }, tree(part)) : undefined;
}

function toolCall(call, place, row, context) {
  const answer = row.answers.get(call);
  const { entry, response } = answer ?? {};
  const took =
    entry && duration(new Date(entry.event.timestamp) - new Date(row.entry.event.timestamp));
  const summary = [
    h("code", {}, text(call.name ?? "")),
    h(
      "span",
      { class: "glance" },
      text(
        `(${Object.entries(call.args ?? {})
          .map(([key, value]) => `${key}: ${preview(value, 40)}`)
          .join(", ")})`,
      ),
    ),
    h("span", { class: entry ? "arrow" : "arrow waiting" }, entry ? " → " : " no answer yet"),
    entry && h("span", { class: "glance" }, text(preview(response.response ?? {}))),
  ];
  return fold(row, place, context, "tool", summary, () => [
    h("p", { class: "label" }, "Arguments"),
    h("div", { class: "tree" }, trees(call.args ?? {})),
    entry && [
      h(
        "div",
        { class: "label" },
        `Answer${took ? ` after ${took}` : ""}`,
        iconButton(
          "more",
          `Actions on the answer of ${call.name}`,
          (press) => context.openMenu(press.currentTarget, entry),
          { "aria-haspopup": "menu" },
        ),
      ),
      h("div", { class: "tree" }, trees(response.response ?? {})),
      (response.parts ?? []).map(drawMedia),
    ],
  ]);
}

// A part that opens and closes, and stays so while its row is out of the window.
function fold(row, place, context, kind, summary, content) {
  const key = `${row.key} ${place}`;
  const inside = h("div", { class: "inside" });
  const details = h(
    "details",
    {
      class: kind,
      ontoggle: () => {
        if (details.open) context.opened.add(key);
        else context.opened.delete(key);
        if (details.open && !inside.childNodes.length)
          inside.append(...[content()].flat(Infinity).filter(Boolean));
      },
    },
    h("summary", {}, summary),
    inside,
  );
  if (context.opened.has(key)) {
    inside.append(...[content()].flat(Infinity).filter(Boolean));
    details.open = true;
  }
  return details;
}

function words(value) {
  const shown = h("div", { class: "text", dir: "auto" }, value.slice(0, LONG));
  if (value.length <= LONG) return shown;
  const more = button(
    `Show all ${count(value.length)} characters`,
    () => {
      shown.textContent = value;
      more.remove();
    },
    { class: "link" },
  );
  return [shown, more];
}

function drawMedia({ inlineData, fileData }) {
  if (fileData) {
    const { fileUri = "", mimeType = "", displayName } = fileData;
    return h(
      "p",
      { class: "file" },
      link(fileUri, displayName || fileUri),
      " ",
      h("small", {}, text(mimeType)),
    );
  }
  if (!inlineData) return undefined;
  const { mimeType = "", data = "", displayName } = inlineData;
  const name = displayName || mimeType || "file";
  // A data: address of an image or a sound runs nothing, whatever it holds.
  if (IMAGES.test(mimeType))
    return h("img", {
      class: "media",
      src: `data:${mimeType};base64,${data}`,
      alt: displayName || "An image without a description",
    });
  if (SOUNDS.test(mimeType))
    return h(mimeType.startsWith("audio") ? "audio" : "video", {
      class: "media",
      controls: true,
      src: `data:${mimeType.split(";")[0]};base64,${data}`,
      "aria-label": name,
    });
  return button(
    [icon("down"), text(name), h("small", {}, ` ${count(Math.floor(data.length * 0.75))} bytes`)],
    () =>
      download(
        displayName || "file",
        new Blob([Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0))]),
      ),
    { class: "file" },
  );
}

// Only web addresses become links: a `javascript:` address stays text.
function link(uri = "", title = uri) {
  if (!/^https?:\/\//i.test(uri))
    return h(
      "span",
      { class: "uri" },
      text(title),
      title === uri ? undefined : h("small", {}, " ", text(uri)),
    );
  return h("a", { href: uri, rel: "noopener noreferrer", target: "_blank" }, text(title));
}

// What the event and the answers in its row did beside speaking.
function effects(row, context) {
  return [...row.entries].flatMap((entry) => {
    const { actions = {}, rawEvent } = entry.event;
    const delta = Object.keys(actions.stateDelta ?? {});
    const to = actions.transferAgent || actions.transferToAgent;
    const rewound =
      rawEvent?.actions?.rewindBeforeInvocationId ?? rawEvent?.actions?.rewind_before_invocation_id;
    return [
      delta.length &&
        fold(
          row,
          `state ${entry.id}`,
          context,
          "state",
          [
            delta.length === 1 ? "State " : `State, ${delta.length} keys `,
            h(
              "span",
              { class: "glance" },
              delta
                .map((key) => [
                  h("code", {}, text(key)),
                  ` ${preview(actions.stateDelta[key], 40)}`,
                ])
                .flatMap((each, at) => (at ? ["; ", ...each] : each)),
            ),
          ],
          () => stateChanges(entry, context),
        ),
      to && h("p", { class: "effect" }, "Hands over to ", h("strong", {}, text(to))),
      actions.escalate && h("p", { class: "effect" }, "Escalates"),
      actions.endOfAgent && h("p", { class: "effect" }, "The agent ends"),
      ...Object.entries(actions.artifactDelta ?? {}).map(([name, version]) =>
        h("p", { class: "effect" }, "Artifact ", h("code", {}, text(name)), ` version ${version}`),
      ),
      ...Object.keys(actions.requestedAuthConfigs ?? {}).map((id) =>
        h("p", { class: "effect" }, "Asks for a sign-in for call ", h("code", {}, text(id))),
      ),
      ...Object.keys(actions.requestedToolConfirmations ?? {}).map((id) =>
        h("p", { class: "effect" }, "Asks to confirm call ", h("code", {}, text(id))),
      ),
      rewound &&
        h("p", { class: "effect" }, "Rewinds the state to before ", h("code", {}, text(rewound))),
      rawEvent?.actions?.compaction && h("p", { class: "effect" }, "Sums up earlier events"),
    ].filter(Boolean);
  });
}

// Each key that the event changed, with the value of the change before.
function stateChanges(entry, context) {
  return h(
    "table",
    { class: "changes" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        ["Key", "Before", "After"].map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      {},
      Object.entries(entry.event.actions.stateDelta).map(([key, value]) => {
        const all = context.changes().get(key) ?? [];
        const before = all[all.findIndex((change) => change.entry === entry) - 1];
        return h(
          "tr",
          {},
          h("th", { scope: "row" }, text(key)),
          h(
            "td",
            {},
            before
              ? tree(before.value, undefined, { open: 0 })
              : h("span", { class: "muted" }, "no event set it"),
          ),
          h("td", {}, tree(value, undefined, { open: 0 })),
        );
      }),
    ),
  );
}

const STATES = {
  COMPLETED: "completed",
  FAILED: "failed",
  INTERRUPTED: "interrupted",
  ACTIVE: "active",
};

// The heading of a run; `run` is what the API says of it, if it is known yet.
export function runRow({ entry, invocation, number, run, isNew }) {
  return h(
    "div",
    {
      class: `run ${isNew ? "unread" : ""}`,
      role: "article",
      "aria-label": `Turn ${number}`,
      "data-run": invocation,
    },
    h(
      "h2",
      {},
      h("span", { class: `dot ${STATES[run?.state] ?? "unknown"}`, "aria-hidden": "true" }),
      `Turn ${number}`,
    ),
    h("code", { class: "invocation" }, text(invocation || "no invocation")),
    h("span", { class: "fill" }),
    run &&
      h(
        "span",
        { class: "outcome" },
        `${STATES[run.state] ?? run.state}, ${duration(new Date(run.endTime) - new Date(run.startTime))}`,
      ),
    !run && time(entry.event.timestamp),
  );
}
