/// A server of HTTP: routes, JSON, errors.
nonisolated enum HTTPTemplate {
    static let files = [
        ProjectFile("Sources/{{module}}/Server.swift", server), ProjectFile("Sources/{{module}}/Routes.swift", routes),
        ProjectFile("Sources/{{module}}/Sum.swift", sum),
        ProjectFile("Sources/{{module}}/Middleware+jsonErrors.swift", jsonErrors),
        ProjectFile("Tests/{{module}}Tests/SumTests.swift", sumTests),
        ProjectFile("Tests/{{module}}Tests/ServerTests.swift", serverTests),
        ProjectFile("Tests/{{module}}Tests/Support/Client+http.swift", ServerTestTemplate.httpClient),
    ]

    static let trial = ##"""
        curl http://127.0.0.1:8080/hello/Ann
        curl --json '{"numbers": [1, 2, 3]}' http://127.0.0.1:8080/sum
        """##

    /// Also that of other templates.
    static let jsonErrors = ##"""
        import Apus
        import ApusWeb

        extension Middleware {
            /// Says in JSON what an error says as plain text, with the same status: `{"error": "Not Found"}`.
            static var jsonErrors: Middleware {
                Middleware(after: { _, response in
                    guard response.status.code >= 400,
                        response.headers["Content-Type"]?.hasPrefix("text/plain") ?? false,
                        let json = try? HTTPResponse(json: ["error": String(decoding: response.body, as: UTF8.self)])
                    else { return }
                    response.body = json.body
                    response.headers["Content-Type"] = json.headers["Content-Type"]
                })
            }
        }
        """##

    private static let server = ##"""
        import Apus
        import ApusWeb

        /// Sets up the service. It runs in the master and again in each worker process, and only configures: clients of
        /// other servers, files and timers belong into `onWorkerStart`.
        public func setUp(_ settings: Settings) {
            // TERM, which service managers and containers send, lets what has begun be finished, in half a minute at
            // most. Ctrl-C and the command `stop` wait for two seconds.
            Worker.sigtermIsGraceful = true
            Worker.gracefulTimeout = 30

            let server = Worker(.http, on: settings.listen)
            server.name = "{{name}}"
            server.count = settings.workers
            server.serve(Routes.router())
        }
        """##

    private static let routes = ##"""
        import Apus
        import ApusWeb

        /// What the service answers.
        enum Routes {
            /// What a handler throws is answered, too: an `HTTPError` with its status and message, anything else with
            /// 500.
            static func router() -> Router {
                let router = Router()
                router.use(.requestID(), .jsonErrors)
                router.get("/") { _ in try HTTPResponse(json: ["service": "{{name}}"]) }
                router.get("/hello/:name") { request in
                    let name: String = try request.parameters.require("name")
                    return try HTTPResponse(json: ["greeting": "Hello, \(name)!"])
                }
                router.post("/sum", body: .memory(upTo: 64 * 1024)) { request in
                    let question: Question = try request.json()
                    guard let sum = Sum(of: question.numbers) else {
                        throw HTTPError(.badRequest, "the sum is too large")
                    }
                    return try HTTPResponse(json: sum)
                }
                return router
            }

            private nonisolated struct Question: Decodable {
                var numbers: [Int]
            }
        }
        """##

    private static let sum = ##"""
        /// A sum of numbers. That it knows nothing of HTTP makes it easy to test.
        nonisolated struct Sum: Codable, Equatable {
            var sum: Int

            /// Nil when it is larger than a number can be.
            init?(of numbers: [Int]) {
                sum = 0
                for number in numbers {
                    let (next, overflows) = sum.addingReportingOverflow(number)
                    if overflows { return nil }
                    sum = next
                }
            }
        }
        """##

    private static let sumTests = ##"""
        import Testing

        @testable import {{module}}

        @Suite struct SumTests {
            @Test(arguments: [([], 0), ([1, 2, 3], 6), ([.max, -1], .max - 1)])
            func numbersAreAdded(_ numbers: [Int], _ sum: Int) {
                #expect(Sum(of: numbers)?.sum == sum)
            }

            @Test func whatIsTooLargeIsNoSum() { #expect(Sum(of: [.max, 1]) == nil) }
        }
        """##

    private static let serverTests = ##"""
        import Testing

        /// The program, over a socket.
        @Suite struct ServerTests {
            @Test func itGreets() throws {
                let server = try RunningServer()
                let client = try Client(port: server.ports[0])
                #expect(try client.ask("GET", "/").body == #"{"service":"{{name}}"}"#)
                let answer = try client.ask("GET", "/hello/Ann")
                #expect(answer.status == 200)
                #expect(answer.headers["content-type"] == "application/json")
                #expect(answer.body == #"{"greeting":"Hello, Ann!"}"#)
            }

            @Test func itAddsNumbers() throws {
                let server = try RunningServer("--workers", "1")
                let client = try Client(port: server.ports[0])
                let answer = try client.ask("POST", "/sum", json: #"{"numbers": [1, 2, 3]}"#)
                #expect(answer.status == 200)
                #expect(answer.body == #"{"sum":6}"#)
            }

            /// One connection survives all of them.
            @Test func whatIsWrongIsSaidInJSON() throws {
                let server = try RunningServer("--workers", "1")
                let client = try Client(port: server.ports[0])
                for (method, target, json, status, error) in [
                    ("GET", "/none", nil, 404, "Not Found"),
                    ("GET", "/sum", nil, 405, "Method Not Allowed"),
                    ("POST", "/sum", "{}", 400, "JSON: numbers is missing"),
                    ("POST", "/sum", #"{"numbers": ["a"]}"#, 400, "JSON: numbers[0] is not an integer"),
                    ("POST", "/sum", #"{"numbers": [9223372036854775807, 1]}"#, 400, "the sum is too large"),
                ] as [(String, String, String?, Int, String)] {
                    let answer = try client.ask(method, target, json: json)
                    #expect(answer.status == status)
                    #expect(answer.body == #"{"error":"\#(error)"}"#)
                }
            }
        }
        """##
}
