// The classic script: <script src="https://docs.example.com/widget.js" data-…></script> puts the chat on the page.
// Each data-NAME becomes the attribute NAME; `data-target` (a CSS selector) is where it goes, and without `data-mode`
// it is a button in the corner. Pages that place <docent-chat> themselves give the script `data-place="none"`.

import { define, setDefaultBase } from "./element.js";

const script = document.currentScript instanceof HTMLScriptElement ? document.currentScript : null;
if (script) setDefaultBase(script.src);
define();

if (script && script.dataset["place"] !== "none") {
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => place(script.dataset));
  else place(script.dataset);
}

function place({ target, ...settings }: DOMStringMap): void {
  const chat = document.createElement("docent-chat");
  for (const [name, value] of Object.entries(settings)) {
    // `data-user-token` is `userToken` in a dataset.
    if (value !== undefined) chat.setAttribute(name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`), value);
  }
  (target === undefined ? document.body : document.querySelector(target))?.append(chat);
}
