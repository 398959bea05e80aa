// Copying to the clipboard, also where the page is plain http and has no clipboard of its own.

import { element } from "./dom.js";

/** Copies a text; `beside` is an element of the chat, for the older way. Whether it was allowed. */
export async function copy(text: string, beside: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const box = element("textarea", { class: "unseen", "aria-hidden": "true", tabindex: "-1" });
    box.value = text;
    beside.after(box);
    box.select();
    const copied = document.execCommand("copy");
    box.remove();
    beside.focus();
    return copied;
  }
}
