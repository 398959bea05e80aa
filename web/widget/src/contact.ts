// Handing a question that the documents do not answer to whoever owns the nearest of them.

import { copy } from "./copy.js";
import { button, element, heading, icon, ICONS, isWeb, link } from "./dom.js";
import { Problem } from "./service.js";
import type { Answer } from "./types.js";
import type { View } from "./view.js";

// Some mail programs refuse longer addresses.
const LONGEST = 1800;

/** The person or team to ask, with a prepared mail and Slack where they are known; null when nobody is. */
export function contactCard(view: View, { contact, interaction_id }: Answer, question: string, answer: string): HTMLElement | null {
  if (!contact || !(contact.owner || contact.slack || contact.email)) return null;
  const { words } = view;
  const { asset, owner, slack, email, hand_off } = contact;
  const isAddress = /^[^\s@<>?&]+@[^\s@<>?&]+$/.test(email ?? "");
  const asked = message(view, question, answer);
  const subject = asset ? words.say("handOffSubject", { asset }) : words.say("handOffSubjectPlain");
  const mail = `mailto:${email}?subject=${encodeURIComponent(subject)}&body=${encodeURIComponent(asked)}`.slice(0, LONGEST).replace(/%[0-9A-F]?$/, "");
  const ways = [isWeb(slack) ? null : slack, email].filter(Boolean).join(" · ");
  return element(
    "section",
    { class: "contact" },
    heading(view.level + 1, {}, asset ? words.say("contactFor", { asset }) : words.say("contact")),
    element("p", { class: "who" }, element("strong", { dir: "auto" }, owner ?? ""), ways ? element("span", { class: "soft", dir: "auto" }, ways) : null),
    element(
      "p",
      { class: "ways" },
      ...(hand_off ? handOff(view, interaction_id, owner ?? "") : []),
      isAddress ? element("a", { class: "action", href: mail }, icon(ICONS.mail, { size: 18 }), words.say("handOff", { owner: owner ?? email ?? "" })) : null,
      isWeb(slack) ? link(slack, { class: "action" }, `${words.say("handOffSlack")} ↗`) : null,
      slack && !isWeb(slack) && !hand_off ? copyButton(view, slack, asked) : null,
    ),
  );
}

/** Has docent ask the owner in Slack, and says what became of it. Pressed again, it asks nobody twice. */
function handOff(view: View, interaction_id: string, owner: string): HTMLElement[] {
  const { words, service } = view;
  const said = element("span", { class: "soft" });
  const made = button({ class: "action" }, () => {
    void service
      .post("v1/handoff", { interaction_id })
      .then(
        () => words.say("handedOff", { owner }),
        (error: unknown) => (error instanceof Problem ? error.message : words.say("network")),
      )
      .then((text) => {
        said.textContent = text;
        view.announce(text);
      });
  }, icon(ICONS.chat, { size: 18 }), words.say("handOffSlack"));
  return [made, said];
}

/** A channel's name is no address: the question is copied, to be pasted there. */
function copyButton(view: View, slack: string, asked: string): HTMLElement {
  const { words } = view;
  const made = button({ class: "action" }, () => {
    void copy(asked, made).then((copied) => view.announce(words.say(copied ? "copied" : "notCopied")));
  }, icon(ICONS.copy, { size: 18 }), words.say("handOffCopy", { slack }));
  return made;
}

function message({ words }: View, question: string, answer: string): string {
  // The address without what may be private in it.
  return words.say("handOffBody", { question, answer, page: location.origin + location.pathname });
}
