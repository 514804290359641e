"use strict";
const at = (id) => document.getElementById(id);
let file = null;

function say(text) {
  const line = document.createElement("p");
  line.className = "warning";
  line.textContent = text;
  at("answer").replaceChildren(line);
}

async function ask(star) {
  if (!file) return;
  if (file.size > Number(document.body.dataset.mostBytes)) {
    say(`${file.name} is too large for this page: use moe-exp predict.`);
    return;
  }
  const query = new URLSearchParams({ name: file.name, star, medium: at("medium").value, velocity: at("velocity").value });
  try {
    const answer = await fetch(`/predict?${query}`, { method: "POST", body: file, headers: { Accept: "text/html" } });
    const text = await answer.text();
    if (answer.ok) at("answer").innerHTML = text; // the server escapes what it takes from the file
    else say(text);
  } catch (error) {
    say(`The server does not answer: ${error.message}`);
  }
}

function choose(files) {
  if (files.length) {
    file = files[0];
    ask(0);
  }
}

at("file").addEventListener("change", (event) => choose(event.target.files));
for (const id of ["medium", "velocity"]) at(id).addEventListener("change", () => ask(0));
for (const [kind, over] of [["dragover", true], ["dragleave", false], ["drop", false]]) {
  at("drop").addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.toggle("over", over);
    if (kind === "drop") choose(event.dataTransfer.files);
  });
}
at("answer").addEventListener("click", (event) => {
  const row = event.target.closest("tr[data-star]");
  if (row) ask(row.dataset.star);
});
