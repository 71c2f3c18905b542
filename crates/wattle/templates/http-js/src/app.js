// Answers HTTP requests.

import { greeting } from "./greeting.js";

addEventListener("fetch", (event) => event.respondWith(answer(event.request)));

function answer(request) {
  const path = new URL(request.url).pathname;
  return new Response(greeting(path), { headers: { "content-type": "text/plain; charset=utf-8" } });
}
