// Answers every request with the same words: node:http as it is used.
const body = "Hello, World!";
const server = require("node:http").createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": body.length });
  response.end(body);
});
server.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
