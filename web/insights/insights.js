// Makes a gap a curated answer. Everything else on these pages works without a script.
for (const form of document.querySelectorAll("form.answer")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector("output");
    const { question, answer, evidence, groups, interaction_id } = form.elements;
    const listed = (field, by) => field.value.split(by).map((part) => part.trim()).filter(Boolean);
    const body = { question: question.value, answer: answer.value, interaction_id: interaction_id.value, evidence: listed(evidence, "\n") };
    // What rests on documents is read by whoever may read these.
    if (!body.evidence.length) body.groups = listed(groups, ",");
    const response = await fetch(form.dataset.to, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    }).catch(() => null);
    if (response?.ok) {
      said.textContent = form.dataset.done;
      form.querySelector("button").disabled = true;
    } else {
      const problem = await response?.json().catch(() => null);
      said.textContent = problem?.detail ?? String(response?.status ?? "");
    }
  });
}
