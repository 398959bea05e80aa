// Below an answer: copying it, and what its reader thinks of it.

import { copy } from "./copy.js";
import { button, element, icon, ICONS } from "./dom.js";
import { Problem } from "./service.js";
import type { Answer, Rating } from "./types.js";
import type { View } from "./view.js";

const LONGEST_COMMENT = 2000;

/** The row of buttons of an answer. `rated` is told of a rating that was saved. */
export function actions(view: View, answer: Answer, rating: Rating | undefined, rated: (rating: Rating) => void): HTMLElement {
  const { words } = view;
  const said = element("span", { class: "soft" });
  const copying = button({ class: "quiet small", "aria-label": words.say("copy"), title: words.say("copy") }, () => {
    void copy(plain(answer), copying).then((copied) => {
      copying.replaceChildren(icon(copied ? ICONS.done : ICONS.copy, { size: 18 }));
      view.announce(words.say(copied ? "copied" : "notCopied"));
      if (!copied) said.textContent = words.say("notCopied");
    });
  }, icon(ICONS.copy, { size: 18 }));
  const made = element("div", { class: "actions" });
  const comment = element("div", {});
  const thumb = (which: Rating) => {
    const pressed = () => {
      void send(which).then((sent) => {
        if (!sent) return;
        comment.replaceChildren(commentForm(view, (text) => send(which, text)));
        comment.scrollIntoView({ block: "nearest" });
      });
    };
    const label = words.say(which);
    return button({ class: "quiet small", "aria-label": label, title: label, "aria-pressed": String(rating === which) }, pressed, icon(ICONS[which], { size: 18 }));
  };
  const thumbs = { up: thumb("up"), down: thumb("down") };
  const send = async (which: Rating, text?: string): Promise<boolean> => {
    try {
      await view.service.post("v1/feedback", { interaction_id: answer.interaction_id, rating: which, ...(text && { comment: text }) });
    } catch (error) {
      said.textContent = error instanceof Problem ? error.message : words.say("notRated");
      view.announce(said.textContent);
      return false;
    }
    for (const [name, each] of Object.entries(thumbs)) each.setAttribute("aria-pressed", String(name === which));
    said.textContent = words.say("thanks");
    view.announce(words.say("thanks"));
    rated(which);
    return true;
  };
  made.append(element("div", { class: "row" }, copying, thumbs.up, thumbs.down, said), comment);
  return made;
}

/** An optional comment; sent or not, the form goes, and focus to what was before it. */
function commentForm(view: View, send: (text: string) => Promise<boolean>): HTMLElement {
  const { words } = view;
  const box = element("textarea", { rows: "2", maxlength: String(LONGEST_COMMENT), "aria-label": words.say("comment"), placeholder: words.say("comment"), dir: "auto" });
  const form = element("form", { class: "comment" });
  const leave = () => {
    const before = form.parentElement?.previousElementSibling?.querySelector<HTMLElement>("[aria-pressed=true]");
    form.remove();
    before?.focus();
  };
  form.append(box, element("div", { class: "row" }, element("button", { type: "submit", class: "action" }, words.say("sendComment")), button({ class: "quiet" }, leave, words.say("skipComment"))));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.value.trim() === "") return leave();
    void send(box.value.trim()).then((sent) => sent && leave());
  });
  return form;
}

/** The answer with its sources, as text. */
function plain({ answer, citations }: Answer): string {
  const sources = citations.map(({ number, title, uri, path }) => `[${number}] ${title}: ${uri || path}`);
  return [answer, ...(sources.length > 0 ? ["", ...sources] : [])].join("\n");
}
