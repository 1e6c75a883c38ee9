import Apus
public import ApusWeb
public import Tracing

extension Middleware {
    /// Middleware that makes a span of each request, with the name, the attributes and the status that OpenTelemetry's
    /// conventions give to those of HTTP servers. The span continues the trace that the request's fields name, and its
    /// context is `ServiceContext.current` for the handler, before and behind each `await`. It ends with the handler: a
    /// body that is sent piece by piece may still be on its way.
    ///
    /// Use it first, so that it surrounds all other middleware. It reports to `tracer`, or to the one that
    /// `InstrumentationSystem` was bootstrapped with when `Worker.serve(_:)` is called; if there is none then, handlers
    /// stay as they are and requests cost nothing more. A tracer that starts threads is to be bootstrapped in
    /// `onWorkerStart`, and `serve` called behind it: the master runs none.
    public static func tracing(with tracer: (any Tracer)? = nil) -> Middleware {
        Middleware(wrapping: { next in
            guard let tracing = RequestTracing(tracer) else { return next }
            switch next {
            case .immediate(let handle):
                return .immediate { request in
                    let span = tracing.begin(request)
                    let response = ServiceContext.withValue(span.context) { handle(request) }
                    tracing.end(span, response)
                    return response
                }
            case .suspending(let handle):
                return .suspending { request in
                    let span = tracing.begin(request)
                    let response = await ServiceContext.withValue(span.context) { await handle(request) }
                    tracing.end(span, response)
                    return response
                }
            }
        })
    }
}
