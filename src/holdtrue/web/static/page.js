// Says when holdtrue no longer answers, and asks before an order. All else is done by the server and htmx.
"use strict";

const stale = document.getElementById("stale");
let answeredAt = new Date();

function showStale() {
  if (!stale || !stale.hidden) return;
  document.getElementById("stale-since").textContent = "at " + answeredAt.toLocaleTimeString();
  stale.hidden = false;
}

document.addEventListener("htmx:error", showStale);
document.addEventListener("htmx:response:error", showStale);
document.addEventListener("htmx:after:swap", () => {
  answeredAt = new Date();
  if (stale) stale.hidden = true;
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
