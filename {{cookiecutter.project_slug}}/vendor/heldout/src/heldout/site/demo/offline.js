/** Service worker: without a network, responds with what app.js has stored. */
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.location.origin)) return;
  const options = { ignoreSearch: request.mode === "navigate", ignoreVary: true };
  event.respondWith(fetch(request).catch(async () => (await caches.match(request, options)) ?? Response.error()));
});
