// Server-sent events read from a fetch body (EventSource cannot POST).

/**
 * Yields `{event, data, id}` for each event of a stream, by the rules of the HTML standard, section 9.2.6:
 * lines end in LF, CRLF or CR, comments are passed over, an event without data is none, an `id` stays.
 * Throws when the body breaks off with an error, or says nothing (not even a comment) for `silenceMs`.
 */
export async function* events(body, silenceMs) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = "";
  let data = [];
  let id = "";
  try {
    for (;;) {
      const { value, done } = await within(reader.read(), silenceMs);
      if (done) return;
      rest += value;
      // A CR at the end may be half of a CRLF: it waits for what comes next.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield { event: event || "message", data: data.join("\n"), id };
          event = "";
          data = [];
          continue;
        }
        const [name, text] = field(line);
        if (name === "event") event = text;
        else if (name === "data") data.push(text);
        else if (name === "id" && !text.includes("\0")) id = text;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** `name: text`, where one space after the colon belongs to neither. A comment has an empty name. */
function field(line) {
  const colon = line.indexOf(":");
  if (colon < 0) return [line, ""];
  return [line.slice(0, colon), line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1)];
}

function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing was received for ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
