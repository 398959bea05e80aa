// Handing a question that the documents do not answer to whoever owns the nearest of them.

import { copy } from "./copy.js";
import { button, element, heading, icon, ICONS, isWeb, link } from "./dom.js";
import type { Contact } from "./types.js";
import type { View } from "./view.js";

// Some mail programs refuse longer addresses.
const LONGEST = 1800;

/** The person or team to ask, with a prepared mail and Slack where they are known; null when nobody is. */
export function contactCard(view: View, person: Contact | null, question: string, answer: string): HTMLElement | null {
  if (!person || !(person.owner || person.slack || person.email)) return null;
  const { words } = view;
  const { asset, owner, slack, email } = person;
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
      isAddress ? element("a", { class: "action", href: mail }, icon(ICONS.mail, { size: 18 }), words.say("handOff", { owner: owner ?? email ?? "" })) : null,
      isWeb(slack) ? link(slack, { class: "action" }, `${words.say("handOffSlack")} ↗`) : null,
      slack && !isWeb(slack) ? copyButton(view, slack, asked) : null,
    ),
  );
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
