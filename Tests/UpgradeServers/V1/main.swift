import Apus

// The earlier version of a service: the upgrade test replaces it on disk by the other one.
let server = Worker(.http, on: CommandLine.arguments[1])
server.name = "upgrade"
server.count = 2
server.onMessage = { connection, _ in connection.send("v1") }
Worker.runAll()
