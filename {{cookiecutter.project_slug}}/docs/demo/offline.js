/** Without a network, answers with what app.js has kept. */
self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || !request.url.startsWith(self.location.origin)) return;
  const how = { ignoreSearch: request.mode === "navigate", ignoreVary: true };
  event.respondWith(fetch(request).catch(async () => (await caches.match(request, how)) ?? Response.error()));
});
