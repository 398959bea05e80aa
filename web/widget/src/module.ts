// The ES module: defines <docent-chat>, which the page places where it wants it.

import { define, DocentChat, setDefaultBase } from "./element.js";

setDefaultBase(import.meta.url);
define();

export { DocentChat };
