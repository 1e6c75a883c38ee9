import Apus

/// HTTP whose answers are made of what the client sends: the parameter `t`, in the place that the path names.
func echoFields(_ options: Options) {
    let server = Worker(.http, on: options.address)
    setLimits(server, options)
    server.onMessage = { connection, request in
        let text = request.queryParameters["t"] ?? ""
        var response = HTTPResponse(body: "answered")
        switch request.path {
        case "/name": response.headers.add(text, "value")
        case "/value": response.headers.add("X-Text", text)
        case "/set": response.headers["X-Text"] = text
        case "/literal": response.headers = ["X-Text": text, "X-Other": "there"]
        case "/location": response = .redirect(to: text)
        case "/cookie-name": response.setCookie(SetCookie(text, "value"))
        case "/cookie-value": response.setCookie(SetCookie("name", text))
        case "/cookie-path": response.setCookie(SetCookie("name", "value", path: text))
        case "/cookie-domain": response.setCookie(SetCookie("name", "value", domain: text))
        case "/reason": response.status = HTTPStatus(code: 299, reason: text)
        case "/type": return _ = connection.send("answered", contentType: ContentType(text))
        case "/download":
            return _ = connection.send(file: options["file"] ?? "", for: request, downloadName: text)
        case "/error": throw HTTPError(.forbidden, "refused", headers: ["X-Text": text])
        case "/trailer": return try sendTrailer(connection, text)
        case "/log": Worker.log(text)
        case "/throw": throw ScenarioError(description: text)
        case "/late-throw":
            connection.run {
                await Task.yield()
                throw ScenarioError(description: text)
            }
            return
        default: break
        }
        connection.send(response)
    }
}

private func sendTrailer(_ connection: Connection<HTTP>, _ text: String) throws {
    let body = try connection.startResponse()
    body.send("answered")
    body.end(trailers: ["X-Text": text, "X-Other": "there"])
}
