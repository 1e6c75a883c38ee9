import Apus

// The later version: another answer, and a process more.
let server = Worker(.http, on: CommandLine.arguments[1])
server.name = "upgrade"
server.count = 3
server.onMessage = { connection, _ in connection.send("v2") }
Worker.runAll()
